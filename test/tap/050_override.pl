# Who may override, who may not, and what they can learn.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('override');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
autovacuum = off
db_guard.small_table_size = 0
CONF
$node->start;

my $note = 'ALTER TABLE public.t RENAME COLUMN note TO remark';
my $back = 'ALTER TABLE public.t RENAME COLUMN remark TO note';

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE deployers;
CREATE ROLE owners;
CREATE ROLE owner LOGIN IN ROLE owners;
CREATE ROLE member LOGIN IN ROLE owners, deployers;
CREATE ROLE keeper LOGIN NOINHERIT IN ROLE owners, deployers;
CREATE ROLE stranger LOGIN;
CREATE ROLE chief SUPERUSER LOGIN;
ALTER ROLE owner SET role = owners;
GRANT ALL ON SCHEMA public TO owners;
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
SET ROLE owners;
CREATE TABLE public.t (id integer, note text);
INSERT INTO public.t SELECT g, g FROM generate_series(1, 1000) g;
SQL

# A session of its own, as that user. Returns what it said on both channels.
sub session
{
	my ($user, $script, %with) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = $with{options} if defined $with{options};
	my $load = $with{unloaded} ? '' : "LOAD 'db_guard';\n";
	# An ordinary user cannot LOAD; it is there as soon as DDL runs.
	$load = "CREATE TEMP TABLE db_guard_loader ();\n" if $load ne '' && $user ne 'chief';
	$node->psql($with{db} // 'postgres', "\\set VERBOSITY verbose\n$load$script",
		stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $user ]);
	return ($out, $err);
}

sub refused
{
	my ($user, $script, $error, $name, %with) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like((session($user, $script, %with))[1], $error, $name);
	return;
}

# trace_sql takes the locks of what it runs; tracing is no way around the guard.
{
	my $trace = "SELECT certainty, coalesce(proof, 'ran') FROM db_guard.trace_sql('$note');";
	like((session('owner', $trace))[0], qr/^exact\|ran$/m, 'where anybody may override, anybody may trace');
	my $setting = "SET db_guard.override_role = 'deployers'";
	$node->safe_psql('postgres', 'ALTER DATABASE postgres ' . $setting);
	like((session('owner', $trace))[0], qr/^unknown\|the server refuses it: renaming column note/m,
		'where only some may, the guard refuses the others their trace, too');
	like((session('member', "SET ROLE owners; RESET ROLE; $trace"))[0], qr/^exact\|ran$/m, 'and not a member');
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET db_guard.override_role');
}

my $passed = 0;

# The override has to work; the column is called back by a superuser, whom nobody refuses.
sub passes
{
	my ($user, $script, $name, %with) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = session($user, $script, %with);
	unlike($err, qr/ERROR|FATAL|WARNING/, $name);
	$node->safe_psql('postgres', "SET db_guard.mode = off; $back")
	  if $script =~ /\Q$note\E/ && $script !~ /\Q$back\E/;
	$passed++;
	return $out;
}

sub answer { return $node->safe_psql('postgres', $_[0]); }

my $blocked = qr/ERROR:  DG001: .*\nDETAIL:  db_guard rule rename-column: /;
my $denied = qr/ERROR:  42501: /;

# --- settings -------------------------------------------------------------------------------------

subtest 'settings of the DBA' => sub {
	my %value = (mode => 'off', small_table_size => "'1TB'", override_role => "'owner'",
		log_ddl => 'off', require_reason => 'off');
	foreach my $setting (sort keys %value)
	{
		my $set = "SET db_guard.$setting = $value{$setting}";
		refused('owner', "$set;", $denied, "$setting: SET is refused to a user");
		refused('owner', "BEGIN; SET LOCAL db_guard.$setting = $value{$setting};", $denied, "$setting: SET LOCAL, too");
		(my $text = $value{$setting}) =~ s/'//g;
		refused('owner', "SELECT set_config('db_guard.$setting', '$text', false);", $denied,
			"$setting: set_config, too");
		refused('owner', "$set;\n$note;", $blocked, "$setting: set before the library is loaded", unloaded => 1);
		refused('owner', "ALTER ROLE owner SET db_guard.$setting = $value{$setting};", $denied,
			"$setting: ALTER ROLE, too");
		refused('owner', "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql
			SET db_guard.$setting = $value{$setting} AS '$note';", $denied, "$setting: a function's SET, too");
		refused('owner', "$note;", $blocked, "$setting: PGOPTIONS",
			unloaded => 1, options => "-c db_guard.$setting=$text");
		passes('chief', "$set; RESET db_guard.$setting;", "$setting: a superuser may");
	}
	refused('owner', "$note;", $blocked, 'after all that: refused');
	passes('owner', 'SET db_guard.show_notes = on; SET db_guard.allow_reason = $$x$$;', 'settings for all');
};

subtest 'GRANT SET ON PARAMETER' => sub {
	answer("GRANT SET ON PARAMETER db_guard.mode TO owners");
	passes('owner', "SET db_guard.mode = off; $note;", 'granted: a user may');
	refused('stranger', 'SET db_guard.mode = off;', $denied, 'another may not');
	answer("REVOKE SET ON PARAMETER db_guard.mode FROM owners");
	refused('owner', 'SET db_guard.mode = off;', $denied, 'revoked: no more');
};

subtest 'modes' => sub {
	my %says = (
		block => [ $blocked, 'blocked' ],
		warn => [ qr/\A(?!.*ERROR).*WARNING:  01000: renaming column note.*\nDETAIL:  db_guard rule rename-column/s, 'warned' ],
		log => [ qr/\A\z/, 'done' ],
		off => [ qr/\A\z/, 'done' ]);
	foreach my $mode (sort keys %says)
	{
		answer('TRUNCATE db_guard.ddl_log');
		my ($out, $err) = session('chief', "SET db_guard.mode = $mode;\n$note;\nSET db_guard.mode = off;\n$back;");
		$err =~ s/[^\n]*ERROR:  42703[^\n]*\n(LOCATION[^\n]*\n)?// if $mode eq 'block';
		like($err, $says{$mode}[0], "$mode: what it says");
		my ($outcome, $findings) = split /\|/, answer('SELECT outcome, jsonb_array_length(findings)
			FROM db_guard.ddl_log WHERE statement LIKE $$%TO remark%$$');
		is($outcome, $says{$mode}[1], "$mode: the outcome");
		is($findings, $mode eq 'off' ? 0 : 1, "$mode: the finding");
	}
	refused('chief', 'SET db_guard.mode = blok;', qr/ERROR:  22023: .*\n.*HINT:  Available values: block, warn, log, off/,
		'a mode that is none');
};

# --- allow ----------------------------------------------------------------------------------------

subtest 'allow' => sub {
	answer('TRUNCATE db_guard.ddl_log');
	passes('owner', "SET db_guard.allow = 'rename-column'; $note;", 'its rule');
	passes('owner', "SET db_guard.allow = 'all'; $note;", 'all');
	passes('owner', "SET db_guard.allow = ' drop-column,  rename-column '; $note;", 'a list with blanks');
	passes('owner', "$note;", 'by PGOPTIONS', unloaded => 1, options => '-c db_guard.allow=rename-column');
	passes('owner', "SET db_guard.allow = 'rename-column'; $note;", 'before the library is loaded', unloaded => 1);
	refused('owner', "SET db_guard.allow = 'drop-column'; $note;", $blocked, 'another rule does not help');
	refused('owner', "BEGIN; SET LOCAL db_guard.allow = 'rename-column'; COMMIT; $note;", $blocked,
		'SET LOCAL ends with its transaction');
	is(answer("SELECT string_agg(outcome, ',' ORDER BY id) FROM db_guard.ddl_log WHERE findings <> '[]'"),
		'allowed,allowed,allowed,allowed,allowed,blocked,blocked', 'outcomes in the log');

	answer('TRUNCATE db_guard.ddl_log');
	passes('owner', "SET db_guard.allow = 'all'; SET db_guard.allow_reason = 'ticket 17, agreed with Eve'; $note;",
		'with a reason');
	is(answer("SELECT outcome, allow_reason, user_name, session_user_name FROM db_guard.ddl_log WHERE findings <> '[]'"),
		'allowed|ticket 17, agreed with Eve|owners|owner', 'the log says who and why');
};

subtest 'names that are none' => sub {
	refused('owner', "SET db_guard.allow = 'rename-colum';",
		qr/ERROR:  22023: db_guard has no rule "rename-colum"\nDETAIL: .*\nHINT:  Did you mean rename-column/, 'a rule');
	refused('owner', "SET db_guard.allow = 'rename-column,drop-colum';", qr/no rule "drop-colum"/, 'the second of two');
	refused('owner', "SET db_guard.allow = 'zzzzzz';", qr/HINT:  SELECT rule, title FROM db_guard\.rules; lists all of them\./,
		'nothing close: all of them');
	refused('owner', "SET db_guard.allow = 'ALL,';", qr/\A(?!.*XX000)/s, 'odd, but no failure');
	refused('owner', "BEGIN; SET LOCAL db_guard.alow = 'all';", qr/ERROR:  42704: .*\n(?:.*\n)?HINT:  Did you mean db_guard\.allow/,
		'a setting');
	refused('owner', 'SET db_guard.nonsense = 1;', qr/ERROR:  42704: .*\n(?:.*\n)?HINT:  The settings are: db_guard\.actor, /,
		'a setting that is like none');
	refused('owner', 'SELECT set_config($$db_guard.alow$$, $$all$$, false);', qr/ERROR:  \w+: .*db_guard/, 'set_config');
	refused('owner', "SET db_guard.allow = '" . ('x' x 100_000) . "';", qr/ERROR:  22023: db_guard has no rule "x+"/,
		'a name of 100 kB');
	my ($out, $err) = session('owner', "SET db_guard.allow = 'no-such'; $note;", unloaded => 1);
	like($err, qr/no rule "no-such"/, 'set before the library is loaded: it says so then');
	like($err, $blocked, 'and the statement is refused');
};

subtest 'require_reason' => sub {
	answer('ALTER DATABASE postgres SET db_guard.require_reason = on');
	refused('owner', "SET db_guard.allow = 'rename-column'; $note;",
		qr/DG001: .*\n(?:.*\n)*.*db_guard\.require_reason is on and db_guard\.allow_reason is empty/, 'without one: refused');
	refused('owner', "SET db_guard.allow = 'rename-column'; SET db_guard.allow_reason = '  '; $note;", $blocked,
		'blanks are no reason');
	passes('owner', "SET db_guard.allow = 'rename-column'; SET db_guard.allow_reason = 'asked'; $note;", 'with one');
	answer('ALTER DATABASE postgres RESET db_guard.require_reason');
};

# --- override_role --------------------------------------------------------------------------------

subtest 'override_role' => sub {
	answer("ALTER DATABASE postgres SET db_guard.override_role = 'deployers'");
	my $allow = "SET db_guard.allow = 'rename-column';";
	my $only = qr/DG001: .*\n(?:.*\n)*.*only members of role "deployers"/;
	refused('owner', "$allow $note;", $only, 'not a member: refused, with the reason');
	refused('owner', "$note;", $only, 'by PGOPTIONS', unloaded => 1, options => '-c db_guard.allow=rename-column');
	refused('owner', "$allow $note;", $only, 'set before the library is loaded', unloaded => 1);
	refused('owner', "SELECT set_config('db_guard.allow', 'all', false); $note;", $only, 'by set_config');
	refused('owner', "SET ROLE owner; ALTER ROLE owner SET db_guard.allow = 'all'; \\c -\n $note;", $only, 'by ALTER ROLE ... SET');
	answer('ALTER ROLE owner RESET db_guard.allow');
	answer("ALTER ROLE owner SET db_guard.allow = 'all'");
	refused('owner', "$note;", $only, 'even when a superuser set it for them', unloaded => 1);
	answer('ALTER ROLE owner RESET db_guard.allow');
	passes('member', "$allow $note;", 'a member');
	passes('chief', "$allow $note;", 'a superuser');
	passes('keeper', "$allow SET ROLE owners; RESET ROLE; SELECT 1;", 'a member without INHERIT sets it');
	refused('chief', "SET ROLE owner; $allow $note;", $only, 'a superuser who became an ordinary user');
	refused('member', "SET ROLE owners; $allow $note;", $only, 'a member who became somebody else');

	# A function that a member owns must not lend its right.
	answer(<<"SQL");
GRANT CREATE ON SCHEMA public TO deployers;
CREATE FUNCTION public.lend() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN $note; END \$\$;
ALTER FUNCTION public.lend() OWNER TO member;
CREATE FUNCTION public.lend_all() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET db_guard.allow = 'all' AS \$\$ BEGIN $note; END \$\$;
ALTER FUNCTION public.lend_all() OWNER TO chief;
CREATE FUNCTION public.plain() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN $note; END \$\$;
SQL
	refused('owner', "$allow SELECT public.lend();", $only, 'SECURITY DEFINER of a member');
	refused('owner', 'SELECT public.lend_all();', $only, 'SECURITY DEFINER of a superuser, with SET');
	refused('owner', "$allow SELECT public.plain();", $only, 'a plain function');
	passes('member', "$allow SELECT public.plain(); $back;", 'a member through a plain function');
	refused('owner', 'SET db_guard.override_role = $$owners$$;', $denied, 'they cannot name themselves');

	answer("ALTER DATABASE postgres SET db_guard.override_role = 'no such role'");
	refused('member', "$allow $note;", qr/only members of role "no such role"/, 'a role that is none: nobody');
	passes('chief', "$allow $note;", 'but superusers');
	answer('ALTER DATABASE postgres RESET db_guard.override_role');
	passes('owner', "$allow $note;", 'empty: anybody');
};

# --- what others can see --------------------------------------------------------------------------

subtest 'the log belongs to the owner of the extension' => sub {
	my %attempt = (
		'read' => 'SELECT * FROM db_guard.ddl_log',
		'count' => 'SELECT count(*) FROM db_guard.ddl_log',
		'insert' => q{INSERT INTO db_guard.ddl_log (logged_at, user_name, session_user_name, process_id,
			command_tag, outcome, findings) VALUES (now(), 'x', 'x', 1, 'x', 'done', '[]')},
		'update' => q{UPDATE db_guard.ddl_log SET statement = 'x'},
		'delete' => 'DELETE FROM db_guard.ddl_log',
		'truncate' => 'TRUNCATE db_guard.ddl_log',
		'lock' => 'BEGIN; LOCK TABLE db_guard.ddl_log',
		'alter' => 'ALTER TABLE db_guard.ddl_log ADD COLUMN x int',
		'drop' => 'DROP TABLE db_guard.ddl_log',
		'trigger' => 'CREATE TRIGGER x BEFORE INSERT ON db_guard.ddl_log EXECUTE FUNCTION suppress_redundant_updates_trigger()',
		'prune' => q{SELECT db_guard.prune_ddl_log('0')},
		'plant' => 'CREATE TABLE db_guard.x ()',
		'disable' => 'ALTER EVENT TRIGGER db_guard_ddl_command_start DISABLE',
		'drop extension' => 'DROP EXTENSION db_guard',
		'replace' => 'CREATE OR REPLACE FUNCTION db_guard.is_judging() RETURNS boolean LANGUAGE sql AS $$SELECT true$$');
	foreach my $name (sort keys %attempt)
	{
		refused('owner', "$attempt{$name};", $denied, "$name: refused to a user");
	}
	passes('owner', 'SELECT * FROM db_guard.rules; SELECT * FROM db_guard.coverage;', 'rules and coverage are for all');
	passes('chief', "$attempt{read}; $attempt{prune};", 'a superuser may read and prune');
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 0, 'and it is pruned');
	answer('GRANT SELECT ON db_guard.ddl_log TO stranger');
	passes('stranger', "$attempt{read};", 'whoever is granted it may read');
	refused('stranger', 'DELETE FROM db_guard.ddl_log;', $denied, 'and no more');
};

subtest 'what a user without rights learns' => sub {
	my %attempt = (
		'rename' => $note,
		'type' => 'ALTER TABLE public.t ALTER COLUMN id TYPE bigint',
		'unique' => 'ALTER TABLE public.t ADD UNIQUE (note)',
		'index' => 'CREATE UNIQUE INDEX ON public.t (note)',
		'not null' => 'ALTER TABLE public.t ALTER COLUMN id SET NOT NULL',
		'drop' => 'ALTER TABLE public.t DROP COLUMN note',
		'column that is none' => 'ALTER TABLE public.t DROP COLUMN nonsense');
	answer('TRUNCATE db_guard.ddl_log');
	foreach my $name (sort keys %attempt)
	{
		my ($out, $err) = session('stranger', "$attempt{$name};");
		like($err, qr/ERROR:  42501: must be owner of table t/, "$name: the server's own error");
		unlike($err, qr/rows|kB|DETAIL|db_guard rule/, "$name: and nothing more");
	}
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 0, 'nothing is logged');
	answer('CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int); INSERT INTO hidden.t VALUES (1)');
	refused('stranger', 'ALTER TABLE hidden.t RENAME COLUMN id TO x;', qr/42501: permission denied for schema hidden/,
		'in a schema without USAGE');
	refused('stranger', 'ALTER TABLE hidden.none RENAME COLUMN id TO x;', qr/42501: permission denied for schema hidden/,
		'no matter whether it is there');
	# What a rule lists as dependent must not be run for it.
	answer('CREATE VIEW hidden.v AS SELECT note FROM public.t');
	my ($out, $err) = session('owner', "$note;");
	like($err, qr/view hidden\.v/, 'the owner of a table is told who depends on it');
	answer('SET db_guard.mode = off; DROP SCHEMA hidden CASCADE');
};

# --- set-ups --------------------------------------------------------------------------------------

subtest 'preloading' => sub {
	foreach my $setting ('session_preload_libraries', 'shared_preload_libraries')
	{
		answer("ALTER SYSTEM SET $setting = 'db_guard'");
		$node->restart;
		refused('owner', "$note;", $blocked, "$setting: guarded", unloaded => 1);
		refused('owner', 'SET db_guard.mode = off;', $denied, "$setting: settings are known from the start", unloaded => 1);
		refused('owner', "SET db_guard.allow = 'rename-colum';", qr/Did you mean rename-column/,
			"$setting: rules, too", unloaded => 1);
		passes('owner', "$note;", "$setting: allow by PGOPTIONS", unloaded => 1, options => '-c db_guard.allow=rename-column');
		# Refused before the session starts, since nobody could set it.
		my ($out, $err) = session('owner', "$note;", unloaded => 1, options => '-c db_guard.mode=off');
		like($err, qr/permission denied to set parameter "db_guard.mode"|DG001/, "$setting: not mode");
		like((session('owner', "$note;", unloaded => 1, options => '-c db_guard.allow=nonsense'))[1],
			qr/no rule "nonsense"/, "$setting: a wrong rule is told");
		answer('CREATE DATABASE without');
		passes('chief', "CREATE TABLE x (a int); ALTER TABLE x RENAME COLUMN a TO b; DROP TABLE x;",
			"$setting: a database without the extension is left alone", db => 'without', unloaded => 1);
		$node->safe_psql('postgres', "SET db_guard.mode = off;\nDROP DATABASE without");
		answer("ALTER SYSTEM RESET $setting");
	}
	$node->restart;
	refused('owner', "$note;", $blocked, 'neither: guarded by the event trigger', unloaded => 1);
};

subtest 'settings in files' => sub {
	$node->append_conf('postgresql.conf', "db_guard.mode = warn\n");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('db_guard.mode', true) = 'warn'") or die;
	my ($out, $err) = session('owner', "$note;\n$back;", unloaded => 1);
	like($err, qr/\A(?!.*ERROR).*WARNING.*rename-column/s, 'mode = warn in postgresql.conf');
	$node->append_conf('postgresql.conf', "db_guard.mode = nonsense\n");
	$node->reload;
	($out, $err) = session('owner', "$note;", unloaded => 1);
	like($err, $blocked, 'a wrong one leaves the default: block');
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
