# The policy of a database: who may change it, that it is read without rights and without waiting, and that
# it is carried by dumps.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('policy');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
autovacuum = off
db_guard.small_table_size = 0
db_guard.policy_packs = ''
CONF
$node->start;

my $superuser = getpwuid($<);

sub answer { return $node->safe_psql('postgres', $_[0]); }

# A session of its own, as that user. Returns what it said on both channels.
sub session
{
	my ($user, $script, %with) = @_;
	my ($out, $err) = ('', '');
	$node->psql($with{db} // 'postgres', "\\set VERBOSITY verbose\n$script", stdout => \$out, stderr => \$err,
		on_error_stop => 0, extra_params => [ '-U', $user ]);
	return ($out, $err);
}

sub says
{
	my ($user, $script, $error, $name, %with) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like((session($user, $script, %with))[1], $error, $name);
	return;
}

my $drop = 'BEGIN; ALTER TABLE public.t DROP COLUMN note; ROLLBACK';
my $blocked = qr/ERROR:  DG001: dropping column note/;
my $warned = qr/\A(?!.*ERROR).*WARNING:  01000: dropping column note/s;
my $denied = qr/ERROR:  42501: permission denied for table rule_policy/;
my $quiet = qr/\A\z/;

answer(<<'SQL');
CREATE ROLE owner LOGIN;
CREATE ROLE keeper LOGIN;
CREATE ROLE keepers;
GRANT keepers TO keeper;
GRANT ALL ON SCHEMA public TO owner;
CREATE EXTENSION db_guard;
ALTER DATABASE postgres SET session_preload_libraries = 'db_guard';
SET ROLE owner;
CREATE TABLE public.t (id integer, note text);
INSERT INTO public.t SELECT g, g FROM generate_series(1, 1000) g;
SQL

subtest 'an ordinary user cannot weaken the guard' => sub {
	says('owner', "$drop;", $blocked, 'refused');
	says('owner', "SELECT db_guard.set_rule('drop-column', 'off');", $denied, 'set_rule');
	says('owner', "SELECT db_guard.unset_rule('drop-column');", $denied, 'unset_rule');
	says('owner', 'SELECT * FROM db_guard.rule_policy;', $denied, 'reading');
	says('owner', "$_;", $denied, $_)
	  foreach "INSERT INTO db_guard.rule_policy (rule, action) VALUES ('all', 'off')",
	  "UPDATE db_guard.rule_policy SET action = 'off'", 'DELETE FROM db_guard.rule_policy',
	  'TRUNCATE db_guard.rule_policy', 'BEGIN; LOCK TABLE db_guard.rule_policy';
	says('owner', 'CREATE TRIGGER x BEFORE INSERT ON db_guard.rule_policy EXECUTE FUNCTION suppress_redundant_updates_trigger();',
		$denied, 'a trigger on it');
	says('owner', "CREATE TEMP TABLE rule_policy (LIKE pg_class); SET search_path = pg_temp, public; $drop;", $blocked,
		'a table of that name before it in the search_path');
	(my $no_baseline = $denied) =~ s/rule_policy/rule_baseline/;
	says('owner', "$_;", qr/$no_baseline/, $_)
	  foreach q{SELECT db_guard.baseline('ALTER TABLE public.t DROP COLUMN note')}, 'TABLE db_guard.rule_baseline',
	  q{INSERT INTO db_guard.rule_baseline SELECT fingerprint, rule, object, statement FROM db_guard.script_findings('ALTER TABLE public.t DROP COLUMN note') f},
	  'DELETE FROM db_guard.rule_baseline';
	says('owner', "$drop;", $blocked, 'after all that: refused');
	is(answer('SELECT count(*) FROM db_guard.rule_policy'), 0, 'and the policy is empty');
};

subtest 'what the owner of the extension sets holds for everybody' => sub {
	answer("SELECT db_guard.set_rule('drop-column', 'warn', 'public', 't', 'note is unused')");
	says('owner', "$drop;", $warned, 'without any right on the policy');
	says('owner', "$drop;", qr/By db_guard\.rule_policy it is warn here, not block: note is unused\./, 'with the reason');
	says('owner', "SET search_path = pg_catalog; $drop;", $warned, 'whatever the search_path');
	says('owner', "BEGIN READ ONLY; SELECT db_guard.rule_action('drop-column'); COMMIT;", $quiet, 'read-only: it can be asked');
	is((session('owner', "SELECT db_guard.rule_action('drop-column', 'public', 't'), action
		FROM db_guard.rules WHERE rule = 'drop-column';"))[0], 'warn|block', 'anybody may ask what a rule does here');
	answer("ALTER DATABASE postgres SET db_guard.override_role = 'keepers'");
	says('owner', "$drop;", $warned, 'with an override role, too');
	says('owner', "SET db_guard.allow = 'all'; $drop;", $warned, 'which has nothing to say about it');
	answer("SELECT db_guard.set_rule('drop-column', 'block', 'public', 't')");
	says('owner', "SET db_guard.allow = 'all'; $drop;", $blocked, 'and the other way round');
	answer('ALTER DATABASE postgres RESET db_guard.override_role');
	is(answer('SELECT author FROM db_guard.rule_policy'), $superuser, 'the author is known');
	answer('DELETE FROM db_guard.rule_policy');
};

subtest 'a baseline lets one statement pass, for everybody' => sub {
	answer(q{SELECT db_guard.baseline('ALTER TABLE public.t DROP COLUMN note', 'CHG-1234')});
	answer("ALTER DATABASE postgres SET db_guard.override_role = 'keepers'");
	says('owner', "$drop;", $quiet, 'without any right on it, and without the role');
	says('owner', 'ALTER TABLE public.t DROP COLUMN id;', qr/ERROR:  DG001: dropping column id/, 'no other');
	says('owner', 'ALTER TABLE public.t DROP COLUMN note CASCADE;', $blocked, 'nor the same with more to it');
	says('owner', "SET standard_conforming_strings = off; $drop;", $blocked, 'nor one that might be read otherwise');
	answer('ALTER DATABASE postgres RESET db_guard.override_role');

	my $other = $node->background_psql('postgres');
	$other->query_safe('SET db_guard.mode = off; BEGIN; LOCK TABLE db_guard.rule_baseline IN ACCESS EXCLUSIVE MODE');
	says('owner', "$drop;", qr/WARNING:  01000: db_guard could not read its baseline: another session has db_guard\.rule_baseline locked\n.*$blocked/s,
		'locked: nobody waits, and the rule decides');
	$other->query_safe('ROLLBACK');
	$other->quit;

	# The statement that loads the library is known by its text, too.
	answer('ALTER DATABASE postgres RESET session_preload_libraries');
	says('owner', "$drop;", $quiet, 'the first statement of a session that does not preload');
	answer(q{ALTER DATABASE postgres SET session_preload_libraries = 'db_guard'});
	answer('DELETE FROM db_guard.rule_baseline');
};

subtest 'a role that is granted the table may write' => sub {
	answer('GRANT SELECT, INSERT, UPDATE, DELETE ON db_guard.rule_policy TO keepers');
	says('keeper', "SELECT db_guard.set_rule('drop-column', 'off', reason => 'mine');", $quiet, 'set_rule');
	says('owner', "$drop;", $quiet, 'it counts');
	says('keeper', "SET ROLE keepers; SELECT db_guard.set_rule('drop-column', 'warn');", $quiet, 'as another role');
	is(answer('SELECT action, author FROM db_guard.rule_policy'), 'warn|keeper', 'the author is who logged in');
	is((session('keeper', "SELECT db_guard.unset_rule('drop-column');"))[0], '1', 'unset_rule');
	says('owner', "$drop;", $blocked, 'it counts no more');
	says('keeper', 'DROP TABLE db_guard.rule_policy;', qr/ERROR:  42501: must be owner of table rule_policy/, 'no more than that');
	answer('REVOKE ALL ON db_guard.rule_policy FROM keepers');
};

subtest 'sessions at once' => sub {
	my $other = $node->background_psql('postgres');
	$other->query_safe("BEGIN; SELECT db_guard.set_rule('drop-column', 'off')");
	says('owner', "$drop;", $blocked, 'not before it is committed');
	$other->query_safe('COMMIT');
	says('owner', "$drop;", $quiet, 'then at once');

	$other->query_safe('SET db_guard.mode = off; BEGIN; LOCK TABLE db_guard.rule_policy IN ACCESS EXCLUSIVE MODE');
	says('owner', "$drop;", qr/WARNING:  01000: db_guard could not read its policy: another session has db_guard\.rule_policy locked\n.*$blocked/s,
		'locked: nobody waits, and the rule decides');
	$other->query_safe('ROLLBACK');
	says('owner', "$drop;", $quiet, 'not locked any more');

	# Both write the same entry; the second waits for the first and replaces it.
	$other->query_safe("BEGIN; SELECT db_guard.set_rule('drop-column', 'note')");
	my $second = $node->background_psql('postgres');
	$second->query_until(qr/started/, "\\echo started\nSELECT db_guard.set_rule('drop-column', 'warn');\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted") or die;
	$other->query_safe('COMMIT');
	$second->quit;
	$other->quit;
	is(answer('SELECT string_agg(action, $$,$$) FROM db_guard.rule_policy'), 'warn', 'the last one holds');
	answer('DELETE FROM db_guard.rule_policy');
};

subtest 'names in any encoding' => sub {
	foreach my $encoding ('UTF8', 'LATIN1', 'EUC_JP')
	{
		my $name = $encoding eq 'EUC_JP' ? "U&'\\65E5\\672C'" : "U&'gr\\00F6\\00DFe'";
		my $letters = $encoding eq 'EUC_JP' ? '__' : 'gr__e';
		answer("CREATE DATABASE names TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
		$node->safe_psql('names', "CREATE EXTENSION db_guard; SELECT db_guard.set_rule('all', 'warn', '%', '$letters')");
		is($node->safe_psql('names', "SELECT db_guard.rule_action('drop-column', 'public', $name),
			db_guard.rule_action('drop-column', 'public', $name || 'x')"), 'warn|block', "$encoding: _ is one letter");
		$node->safe_psql('postgres', "SET db_guard.mode = off;\nDROP DATABASE names");
	}
};

subtest 'dump and restore' => sub {
	my $tmp = PostgreSQL::Test::Utils::tempdir;
	answer(<<'SQL');
SELECT db_guard.set_rule('drop-column', 'warn', 'pub%', 't', E'it''s "unused"\n\\.', '2999-12-31');
SELECT db_guard.set_rule('drop-column', 'off', 'pub%', 't');
SELECT db_guard.set_rule('drop-column', 'warn', 'pub%', 't', 'still', '2999-12-31');
SELECT db_guard.set_rule('renames', 'note');
SQL
	answer(q{SELECT db_guard.baseline('ALTER TABLE public.t ALTER COLUMN note SET NOT NULL', 'known', 'infinity')});
	my $all = 'SELECT * FROM db_guard.rule_policy ORDER BY rule, action; SELECT * FROM db_guard.rule_baseline';
	my $before = answer($all);
	is(scalar(() = $before =~ /^-?\w+[-\w]*\|/mg), 4, 'three entries and a known finding');
	my %restore = (
		plain => [ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', 'copy', '-f' ],
		custom => [ 'pg_restore', '-e', '-d', 'copy' ],
		directory => [ 'pg_restore', '-e', '-d', 'copy', '-j', '2' ]);
	foreach my $format (sort keys %restore)
	{
		$node->command_ok([ 'pg_dump', '-F', $format, '-f', "$tmp/$format", 'postgres' ], "pg_dump: $format");
		answer('CREATE DATABASE copy');
		$node->command_ok([ @{ $restore{$format} }, "$tmp/$format" ], "restore: $format");
		is($node->safe_psql('copy', $all), $before, "$format: the policy is the same");
		says('owner', "$drop;", $warned, "$format: and holds", db => 'copy');
		says('owner', 'ALTER TABLE public.t ALTER COLUMN note SET NOT NULL;', $quiet, "$format: the baseline, too", db => 'copy');
		$node->safe_psql('postgres', "SET db_guard.mode = off;\nDROP DATABASE copy");
	}
};

subtest 'on a standby' => sub {
	$node->backup('backup');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'backup', has_streaming => 1);
	$standby->start;
	answer("SELECT db_guard.set_rule('set-not-null', 'note')");
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT db_guard.rule_action('set-not-null')"), 'note', 'it can be read');
	my ($out, $err) = ('', '');
	$standby->psql('postgres', "SELECT db_guard.set_rule('set-not-null', 'off')", stdout => \$out, stderr => \$err);
	like($err, qr/cannot execute INSERT in a read-only transaction/, 'and not written');
	$standby->stop;
};

subtest 'without the tables' => sub {
	answer('SET db_guard.mode = off; ALTER EXTENSION db_guard DROP TABLE db_guard.rule_policy; DROP TABLE db_guard.rule_policy;
		ALTER EXTENSION db_guard DROP TABLE db_guard.rule_baseline; DROP TABLE db_guard.rule_baseline');
	says('owner', "$drop;", qr/\A(?!.*WARNING).*$blocked/s, 'as with an older install script: the rules decide');
	says($superuser, 'DROP EXTENSION db_guard;', $quiet, 'and the extension can be dropped');
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
