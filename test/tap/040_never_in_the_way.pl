# What the guard must let through: dump and restore, extension scripts, replication, the ways out.
# Each comes with a control, the same statement where it is refused.
#
# Not here: pg_upgrade. The server decides by IsBinaryUpgrade, which only pg_upgrade itself can set
# (postgres -b needs its own clusters of two versions); the restore it runs is pg_restore's, above.
use strict;
use warnings;

use File::Path qw(make_path);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir;

# A copy of the server, so that an extension of our own can be put into it. The server finds its
# files relative to its binary; the copy keeps the paths below a new root.
sub copy_server
{
	my %path;
	foreach my $what (qw(bindir sharedir pkglibdir))
	{
		($path{$what}) = run_command([ 'pg_config', "--$what" ]);
	}
	my $root = "$tmp/server";
	make_path(map { "$root$_" } values %path);
	system_or_bail('cp', '-rL', "$path{bindir}/.", "$root$path{bindir}/");
	system_or_bail('cp', '-rs', "$path{$_}/.", "$root$path{$_}/") foreach qw(sharedir pkglibdir);
	my $extensions = "$root$path{sharedir}/extension";
	append_to_file("$extensions/tap_shelf.control", "default_version = '1.0'\nrelocatable = false\n");
	append_to_file("$extensions/tap_shelf--1.0.sql", <<'SQL');
CREATE TABLE public.shelf (id integer NOT NULL, label varchar(20), note text);
INSERT INTO public.shelf SELECT g, g, g FROM generate_series(1, 1000) g;
ALTER TABLE public.shelf ADD PRIMARY KEY (id);
SQL
	append_to_file("$extensions/tap_shelf--1.0--1.1.sql", <<'SQL');
ALTER TABLE public.shelf ALTER COLUMN id TYPE bigint;
ALTER TABLE public.shelf ADD COLUMN token uuid DEFAULT gen_random_uuid();
ALTER TABLE public.shelf DROP COLUMN note;
CREATE INDEX shelf_label ON public.shelf (label);
ALTER TABLE public.shelf RENAME TO shelves;
SQL
	(my $prefix = "$root$path{bindir}") =~ s{/bin$}{};
	return $prefix;
}

my $prefix = copy_server();

sub new_node
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, install_path => $prefix);
	$node->init(allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
max_prepared_transactions = 10
autovacuum_naptime = 1s
autovacuum_analyze_threshold = 1
log_autovacuum_min_duration = 0
db_guard.small_table_size = 0
CONF
	$node->start;
	return $node;
}

my $node = new_node('way');

# A session of its own. Returns what it said on both channels.
sub session
{
	my ($db, $script) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, "\\set VERBOSITY verbose\n$script",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

sub is_blocked
{
	my ($db, $script, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like((session($db, $script))[1], qr/ERROR:  DG001: /, $name);
	return;
}

sub passes
{
	my ($db, $script, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = session($db, $script);
	unlike($err, qr/ERROR: |FATAL: |WARNING: |db_guard/, $name);
	return $out;
}

sub answer { my ($db, $sql) = @_; return $node->safe_psql($db, $sql); }

# Every session may load the library by any statement; most tests do not care.
my $stock = <<'SQL';
SET db_guard.mode = off;
CREATE TABLE public.customers (id integer PRIMARY KEY, email text UNIQUE);
CREATE TABLE public.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer integer REFERENCES public.customers, total numeric, note varchar(20));
CREATE INDEX orders_total ON public.orders (total);
CREATE TABLE public.events (at date NOT NULL, what text, PRIMARY KEY (at, what)) PARTITION BY RANGE (at);
CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.events_2 PARTITION OF public.events FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO public.customers SELECT g, g || '@example.org' FROM generate_series(1, 1000) g;
INSERT INTO public.orders (customer, total, note) SELECT g, g, g FROM generate_series(1, 1000) g;
INSERT INTO public.events SELECT date '2020-06-01' + g, g FROM generate_series(1, 400) g;
CREATE MATERIALIZED VIEW public.totals AS SELECT customer, sum(total) FROM public.orders GROUP BY 1;
CREATE UNIQUE INDEX totals_customer ON public.totals (customer);
CREATE VIEW public.big AS SELECT * FROM public.orders WHERE total > 500;
SQL
my $hazard = 'ALTER TABLE public.orders RENAME COLUMN note TO remark;';

sub new_database
{
	my ($db, $script) = @_;
	answer('postgres', "CREATE DATABASE $db");
	answer($db, $script) if defined $script;
	return;
}

new_database('shop', "CREATE EXTENSION db_guard; $stock");
answer('shop', 'CREATE TABLE public.later (id int)');
is_blocked('shop', $hazard, 'the database is guarded');

# --- dump and restore -----------------------------------------------------------------------------

my $log_query = q{SELECT md5(string_agg(l::text, E'\n' ORDER BY id)), count(*) FROM db_guard.ddl_log l};
my $data_query = q{SELECT (SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM public.orders o),
	(SELECT count(*) FROM public.customers), (SELECT count(*) FROM public.events),
	(SELECT count(*) FROM pg_index WHERE indisvalid AND indrelid >= 16384),
	(SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f')),
	(SELECT count(*) FROM pg_event_trigger)};
my $log = answer('shop', $log_query);
my $data = answer('shop', $data_query);
my ($entries) = $log =~ /\|(\d+)$/;
cmp_ok($entries, '>', 10, 'there are entries to carry');
like(answer('shop', q{SELECT string_agg(DISTINCT outcome, ',') FROM db_guard.ddl_log}), qr/blocked/,
	'a refused one too');

sub pg
{
	my ($name, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
	my $ok = IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	ok($ok && $err !~ /db_guard rule|WARNING|ERROR/i, $name) or diag($err);
	return $err;
}

my $fresh = 0;

sub same_as_before
{
	my ($db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(answer($db, $data_query), $data, "$db: tables, indexes, constraints, event triggers");
	is(answer($db, $log_query), $log, "$db: the log came along");
	answer($db, 'CREATE TABLE public.fresh' . ++$fresh . ' ()');
	is(answer($db, "SELECT count(*), max(id) > $entries FROM db_guard.ddl_log"), ($entries + 1) . '|t',
		"$db: the log goes on with new numbers");
	is_blocked($db, $hazard, "$db: and is guarded");
	return;
}

subtest 'plain dump through psql' => sub {
	pg('pg_dump', 'pg_dump', '-f', "$tmp/plain.sql", 'shop');
	new_database('plain');
	pg('psql', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$tmp/plain.sql");
	same_as_before('plain');
};

subtest 'plain dump in one transaction' => sub {
	new_database('single');
	pg('psql -1', 'psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-d', 'single', '-f', "$tmp/plain.sql");
	same_as_before('single');
};

subtest 'pg_restore' => sub {
	pg('pg_dump', 'pg_dump', '-Fc', '-f', "$tmp/custom.dump", 'shop');
	new_database('serial');
	pg('pg_restore', 'pg_restore', '-e', '-d', 'serial', "$tmp/custom.dump");
	same_as_before('serial');

	new_database('parallel');
	pg('pg_restore -j 4', 'pg_restore', '-e', '-j', '4', '-d', 'parallel', "$tmp/custom.dump");
	same_as_before('parallel');

	new_database('guarded', 'CREATE EXTENSION db_guard');
	pg('into a guarded one', 'pg_restore', '-e', '-j', '4', '-d', 'guarded', "$tmp/custom.dump");
	same_as_before('guarded');

	# pg_restore --clean itself stumbles over the inherited keys of partitions.
	pg('pg_dump', 'pg_dump', '-Fc', '-T', 'public.events*', '-f', "$tmp/clean.dump", 'shop');
	pg('over a full one', 'pg_restore', '-e', '-j', '4', '--clean', '--if-exists', '-d', 'serial',
		"$tmp/clean.dump");
	same_as_before('serial');
};

# The sections are restored by sessions of their own, as pg_restore -j does, so that the tables are
# not made by the session that adds the keys.
sub restore_sections
{
	my ($db, $user, $edit) = @_;
	my ($out, $err) = ('', '');
	foreach my $section (qw(pre-data data post-data))
	{
		my $file = "$tmp/$db.$section.sql";
		pg("dump of $section", 'pg_dump', '--no-owner', '-n', 'public', '--section', $section,
			'-f', $file, 'shop') unless -e $file;
		(my $script = slurp_file($file)) =~ s/^CREATE SCHEMA public;$//m;
		$script = $edit->($script) if defined $edit && $section eq 'post-data';
		$node->psql($db, $script, stdout => \$out, stderr => \$err, on_error_stop => 0,
			extra_params => [ '-U', $user ]);
	}
	return $err;
}

subtest 'what marks a restore' => sub {
	my ($me) = answer('postgres', 'SELECT current_user');
	new_database('marked', 'CREATE EXTENSION db_guard');
	is(restore_sections('marked', $me), '', 'all of it: passes');
	foreach my $setting (qw(check_function_bodies row_security xmloption search_path))
	{
		answer('postgres', 'DROP DATABASE IF EXISTS unmarked');
		new_database('unmarked', 'CREATE EXTENSION db_guard');
		my $without = sub { join "\n", grep { !/^(SET|SELECT).*\b$setting\b/ } split /\n/, $_[0] };
		# content is the default of xmloption; somebody who works with another one is no restore.
		$without = sub { (my $s = $_[0]) =~ s/SET xmloption = content/SET xmloption = document/; $s }
		  if $setting eq 'xmloption';
		like(restore_sections('unmarked', $me, $without), qr/primary key .* takes ACCESS EXCLUSIVE/,
			"without $setting it is judged");
	}
};

subtest 'a restore where overriding is reserved' => sub {
	answer('postgres', 'CREATE ROLE deployers; CREATE ROLE carol LOGIN; CREATE ROLE dave LOGIN IN ROLE deployers');
	foreach my $user (qw(carol dave))
	{
		new_database("of_$user", "CREATE EXTENSION db_guard;
			ALTER DATABASE of_$user SET db_guard.override_role = 'deployers';
			ALTER DATABASE of_$user OWNER TO $user");
	}
	my $refused = restore_sections('of_carol', 'carol');
	like($refused, qr/primary key .* takes ACCESS EXCLUSIVE/, 'not a member: judged');
	is(answer('of_carol', "SELECT count(*) FROM pg_constraint WHERE conname = 'orders_pkey'"), 0,
		'and refused');
	unlike(restore_sections('of_dave', 'dave'), qr/takes ACCESS EXCLUSIVE/, 'a member: believed');
	is(answer('of_dave', "SELECT count(*) FROM pg_constraint WHERE conname = 'orders_pkey'"), 1,
		'and restored');
};

# --- what the server does by itself ---------------------------------------------------------------

subtest 'scripts of other extensions' => sub {
	passes('shop', 'CREATE EXTENSION tap_shelf;', 'CREATE EXTENSION');
	is_blocked('shop', 'ALTER TABLE public.shelf ALTER COLUMN id TYPE bigint;', 'by hand it is refused');
	passes('shop', "ALTER EXTENSION tap_shelf UPDATE TO '1.1';", 'ALTER EXTENSION');
	is(answer('shop', 'SELECT count(token) FROM public.shelves'), 1000, 'it did its work');
	is_blocked('shop', 'ALTER TABLE public.shelves DROP COLUMN label;', 'by hand it is refused');
	passes('shop', 'DROP EXTENSION tap_shelf;', 'DROP EXTENSION');
	is(answer('shop', q{SELECT string_agg(command_tag, ', ' ORDER BY id) FROM db_guard.ddl_log
		WHERE statement LIKE '%tap_shelf%' AND outcome = 'done'}),
		'CREATE EXTENSION, ALTER EXTENSION, DROP EXTENSION', 'the commands themselves are logged');
	is(answer('shop', q{SELECT count(*) FROM db_guard.ddl_log WHERE outcome = 'done'
		AND statement LIKE '%public.shel%'}), 0, 'what their scripts do is not');
};

subtest 'temporary tables' => sub {
	my $changes = <<'SQL';
INSERT INTO scratch SELECT g, g, g FROM generate_series(1, 1000) g;
ALTER TABLE scratch ALTER COLUMN id TYPE bigint;
ALTER TABLE scratch ADD COLUMN token uuid DEFAULT gen_random_uuid();
ALTER TABLE scratch ADD PRIMARY KEY (id);
CREATE INDEX scratch_label ON scratch (label);
ALTER TABLE scratch DROP COLUMN note;
DROP INDEX scratch_label;
ALTER TABLE scratch RENAME TO scratched;
SQL
	my $create = 'TABLE scratch (id integer NOT NULL, label varchar(20), note text);';
	my $before = answer('shop', 'SELECT count(*) FROM db_guard.ddl_log');
	passes('shop', "CREATE TEMP $create\n$changes", 'they are nobody else\'s business');
	is(answer('shop', 'SELECT count(*) FROM db_guard.ddl_log'), $before, 'and not logged');
	answer('shop', "CREATE $create");
	my ($out, $err) = session('shop', $changes);
	is(() = $err =~ /ERROR:  DG001|WARNING:  .*DROP INDEX/g, 6, 'another one is')
	  or diag $err;
};

subtest 'REFRESH MATERIALIZED VIEW CONCURRENTLY' => sub {
	answer('shop', 'UPDATE public.orders SET total = total + 1; TRUNCATE db_guard.ddl_log');
	passes('shop', 'REFRESH MATERIALIZED VIEW CONCURRENTLY public.totals;', 'passes');
	is(answer('shop', "SELECT count(*) FROM public.totals t JOIN public.orders o USING (customer)
		WHERE t.sum <> o.total"), 0, 'and refreshes');
	is(answer('shop', 'SELECT command_tag, object, outcome FROM db_guard.ddl_log'),
		'REFRESH MATERIALIZED VIEW|public.totals|done', 'its inner commands are not logged');
	is_blocked('shop', 'ALTER MATERIALIZED VIEW public.totals RENAME TO sums;', 'a rename of it is refused');
};

subtest 'autovacuum' => sub {
	# An index expression runs in the worker; it must not load anything that then objects.
	answer('shop', 'INSERT INTO public.customers SELECT g, g FROM generate_series(5000, 9000) g');
	ok($node->poll_query_until('shop', "SELECT autoanalyze_count > 0 FROM pg_stat_user_tables
		WHERE relname = 'customers'"), 'goes on');
	unlike(slurp_file($node->logfile), qr/autovacuum worker[^\n]*db_guard/, 'without a word');
};

subtest 'session_replication_role = replica' => sub {
	is_blocked('shop', "SET session_replication_role = origin; $hazard", 'origin: refused');
	passes('shop', "SET session_replication_role = replica; BEGIN; $hazard ROLLBACK;", 'replica: passes');
	like(answer('shop', "SET session_replication_role = replica;
		SELECT bool_or(guarded) || ' ' || max(what_to_do) FROM db_guard.coverage WHERE command_class = 'CREATE INDEX'"),
		qr/^false this session acts as a replica/, 'coverage says so');
};

subtest 'logical replication' => sub {
	my $subscriber = new_node('subscriber');
	my $tables = <<'SQL';
CREATE TABLE public.feed (id integer PRIMARY KEY, what text);
CREATE TABLE public.side (id integer, label varchar(20));
INSERT INTO public.side SELECT g, g FROM generate_series(1, 1000) g;
SQL
	answer('shop', $tables);
	answer('shop', 'CREATE PUBLICATION feed FOR TABLE public.feed');
	$subscriber->safe_psql('postgres', "CREATE EXTENSION db_guard; SET db_guard.mode = off; $tables" . <<'SQL');
CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE public.side ADD COLUMN c%s uuid DEFAULT gen_random_uuid()', NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE INSERT ON public.feed FOR EACH ROW EXECUTE FUNCTION public.meddle();
ALTER TABLE public.feed ENABLE ALWAYS TRIGGER meddle;
SQL
	my ($out, $err) = ('', '');
	$subscriber->psql('postgres', "INSERT INTO public.feed VALUES (99, 'local')", stderr => \$err);
	like($err, qr/volatile|uuid/, 'what the trigger does is refused to a session');
	# The initial copy of a table is done by a worker of its own.
	answer('shop', "INSERT INTO public.feed VALUES (1, 'copied')");
	my $connstr = $node->connstr . ' dbname=shop';
	$subscriber->safe_psql('postgres',
		"CREATE SUBSCRIPTION feed CONNECTION '$connstr' PUBLICATION feed");
	$subscriber->wait_for_subscription_sync($node, 'feed', 'postgres');
	answer('shop', "INSERT INTO public.feed VALUES (2, 'applied')");
	$node->wait_for_catchup('feed');
	is($subscriber->safe_psql('postgres', 'SELECT string_agg(what, $$,$$ ORDER BY id) FROM public.feed'),
		'copied,applied', 'copy and apply pass');
	# Apply runs as a replica, where event triggers are silent unless they fire ALWAYS.
	$subscriber->safe_psql('postgres', join ';', map { "ALTER EVENT TRIGGER $_ ENABLE ALWAYS" }
		qw(db_guard_ddl_command_start db_guard_table_rewrite db_guard_ddl_command_end));
	$subscriber->psql('postgres', "SET session_replication_role = replica;
		INSERT INTO public.feed VALUES (98, 'local')", stderr => \$err);
	like($err, qr/volatile|uuid/, 'with triggers that fire ALWAYS a replica session is refused');
	answer('shop', "INSERT INTO public.feed VALUES (3, 'applied')");
	$node->wait_for_catchup('feed');
	is($subscriber->safe_psql('postgres', 'SELECT count(c2), count(c3) FROM public.side'), '1000|1000',
		'and apply still passes');
	$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION feed');
	$subscriber->stop;
};

# --- the ways out ---------------------------------------------------------------------------------

subtest 'ALTER EVENT TRIGGER ... DISABLE' => sub {
	is_blocked('shop', $hazard, 'before');
	passes('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_start DISABLE;', 'the statement');
	passes('shop', "BEGIN; $hazard ROLLBACK;", 'what was refused');
	like(answer('shop', "SELECT what_to_do FROM db_guard.coverage WHERE command_class = 'CREATE INDEX'"),
		qr/ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE/, 'coverage says so');
	passes('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE;', 'and back');
	is_blocked('shop', $hazard, 'after');
};

subtest 'single-user mode' => sub {
	new_database('solo', "CREATE EXTENSION db_guard; $stock");
	is_blocked('solo', $hazard, 'a session is refused');
	$node->stop;
	my ($out, $err) = ('', '');
	IPC::Run::run([ "$prefix/bin/postgres", '--single', '-D', $node->data_dir, 'solo' ],
		'<', \"$hazard\n", '>', \$out, '2>', \$err);
	unlike($err, qr/ERROR|WARNING/, 'single-user mode is not');
	$node->start;
	is(answer('solo', "SELECT count(remark) FROM public.orders"), 1000, 'it did its work');
};

my $leftovers = q{SELECT count(*) FROM (
	SELECT proname::text FROM pg_proc WHERE proname ~ 'db_guard' OR probin ~ 'db_guard'
	UNION ALL SELECT evtname FROM pg_event_trigger
	UNION ALL SELECT nspname FROM pg_namespace WHERE nspname ~ 'db_guard'
	UNION ALL SELECT extname FROM pg_extension WHERE extname ~ 'db_guard'
	UNION ALL SELECT relname FROM pg_class WHERE relname ~ 'ddl_log'
	UNION ALL SELECT setconfig::text FROM pg_db_role_setting WHERE setconfig::text ~ 'nothing') x};

subtest 'DROP EXTENSION, and CREATE EXTENSION again' => sub {
	new_database('fickle', "CREATE EXTENSION db_guard; $stock");
	my ($out, $err) = session('fickle', <<"SQL");
$hazard
DROP EXTENSION db_guard;
$leftovers;
$hazard
ALTER TABLE public.orders RENAME COLUMN remark TO note;
CREATE EXTENSION db_guard;
$hazard
SQL
	is(() = $err =~ /ERROR: /g, 2, 'refused before and after, in the same session') or diag $err;
	unlike($err, qr/WARNING/, 'without a complaint');
	is($out, 0, 'nothing is left in between');
	passes('fickle', 'DROP EXTENSION db_guard;', 'as a session\'s first statement');
	is(answer('fickle', $leftovers), 0, 'nothing is left');
	passes('fickle', $hazard, 'and nothing is guarded');
	answer('fickle', 'CREATE EXTENSION db_guard');
	is_blocked('fickle', 'ALTER TABLE public.orders RENAME COLUMN remark TO note;', 'until it is again');
};

# --- when the guard itself fails ------------------------------------------------------------------

subtest 'an analysis that fails lets the statement pass' => sub {
	new_database('broken', "CREATE EXTENSION db_guard; $stock");
	my $file = answer('broken', "SELECT pg_relation_filepath('public.orders')");
	answer('broken', 'CHECKPOINT');
	is_blocked('broken', $hazard, 'before: refused');
	$node->stop;
	unlink($node->data_dir . "/$file") or die "no $file";
	$node->start;
	my ($out, $err) = session('broken', "BEGIN; CREATE TABLE public.kept (id int); $hazard COMMIT;");
	like($err, qr/WARNING:  01000: db_guard could not analyse this statement and lets it pass\nDETAIL:  could not open file/,
		'a WARNING with the reason');
	unlike($err, qr/ERROR/, 'no error');
	is(answer('broken', "SELECT attname FROM pg_attribute WHERE attrelid = 'public.orders'::regclass AND attnum = 4"),
		'remark', 'the statement ran');
	is(answer('broken', q{SELECT outcome, analysis_error LIKE 'could not open file%', command_tag
		FROM db_guard.ddl_log WHERE analysis_error IS NOT NULL}), 'done|t|ALTER TABLE', 'the log knows');
	is(answer('broken', "SELECT to_regclass('public.kept')"), 'kept', 'its transaction went on');
};

# --- where DDL can hide ---------------------------------------------------------------------------

my $body = "EXECUTE 'ALTER TABLE public.orders DROP COLUMN total'";
my $ddl = 'ALTER TABLE public.orders DROP COLUMN total';
my %hidden = (
	'DO' => "DO \$\$ BEGIN $ddl; END \$\$;",
	'DO with EXECUTE' => "DO \$\$ BEGIN $body; END \$\$;",
	'function' => 'SELECT public.hidden_function();',
	'SQL function' => 'SELECT public.hidden_sql_function();',
	'procedure' => 'CALL public.hidden_procedure();',
	'caught' => "DO \$\$ BEGIN $ddl; EXCEPTION WHEN SQLSTATE 'DG001' THEN RAISE EXCEPTION 'caught: %', SQLERRM; END \$\$;");

subtest 'DDL inside other statements' => sub {
	answer('shop', <<"SQL");
CREATE FUNCTION public.hidden_function() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN $body; END \$\$;
CREATE FUNCTION public.hidden_sql_function() RETURNS void LANGUAGE sql AS '$ddl';
CREATE PROCEDURE public.hidden_procedure() LANGUAGE plpgsql AS \$\$ BEGIN COMMIT; $ddl; END \$\$;
SQL
	foreach my $name (sort keys %hidden)
	{
		# As the first statement of a session it loads the library; as the second it finds it there.
		foreach my $first ('', 'CREATE TEMP TABLE x ();')
		{
			my $which = $first eq '' ? 'first' : 'second';
			answer('shop', 'TRUNCATE db_guard.ddl_log');
			my ($out, $err) = session('shop', "$first $hidden{$name}");
			like($err, qr/ERROR:  (DG001|P0001: caught): /, "$name, $which: refused");
			# What loads the library was under way before the hook: only the client's text is known.
			my $text = $first eq '' ? $hidden{$name} : $ddl;
			is(answer('shop', 'SELECT statement, outcome FROM db_guard.ddl_log'), "$text|blocked",
				"$name, $which: logged");
		}
	}
	# The safe way repeats what follows the table's name in the statement, if that is known.
	my $index = 'DO $$ BEGIN CREATE INDEX orders_note ON public.orders (note); END $$;';
	my $safe = qr/^HINT: .*\n  CREATE INDEX CONCURRENTLY orders_note ON public.orders \(note\);$/m;
	like((session('shop', "CREATE TEMP TABLE x (); $index"))[1], $safe, 'CREATE INDEX, second: the safe way');
	my $err = (session('shop', $index))[1];
	like($err, qr/ERROR:  DG001/, 'CREATE INDEX, first: refused');
	unlike($err, qr/CONCURRENTLY orders_note ON public.orders(?! \(note\);$)/m, 'no nonsense as the safe way');
};

subtest 'several statements in one string' => sub {
	answer('shop', 'TRUNCATE db_guard.ddl_log');
	my $string = "/* one */ CREATE TABLE public.m1 (id int);\n CREATE INDEX ON public.m1 (id) ;-- x\n"
	  . "ALTER TABLE public.m1 ADD c text; SELECT 1; DROP TABLE public.m1";
	$node->command_ok([ 'psql', '-XAtq', '-d', $node->connstr('shop'), '-c', $string ], 'they run');
	my @texts = split /#/, answer('shop', q{SELECT string_agg(statement, '#' ORDER BY id) FROM db_guard.ddl_log});
	# Before 18 a statement begins with the comments in front of it.
	s{^(/\* one \*/|-- x)\s}{} foreach @texts;
	is_deeply(\@texts, [ 'CREATE TABLE public.m1 (id int)', 'CREATE INDEX ON public.m1 (id) ',
		'ALTER TABLE public.m1 ADD c text', 'DROP TABLE public.m1' ], 'each is logged with its own text');

	answer('shop', 'TRUNCATE db_guard.ddl_log');
	$node->command_fails_like([ 'psql', '-XAtq', '-d', $node->connstr('shop'), '-c',
		"CREATE TABLE public.m2 (id int); $ddl; CREATE TABLE public.m3 (id int)" ],
		qr/dropping column total/, 'the second is refused');
	is(answer('shop', 'SELECT statement, outcome FROM db_guard.ddl_log'), "$ddl|blocked",
		'only that is in the log, and its transaction is gone');
	is(answer('shop', "SELECT to_regclass('public.m2') IS NULL"), 't', 'with what came before it');
};

subtest 'savepoints' => sub {
	answer('shop', 'TRUNCATE db_guard.ddl_log');
	my ($out, $err) = session('shop', <<"SQL");
BEGIN;
CREATE TABLE public.s1 (id int);
SAVEPOINT a;
$ddl;
ROLLBACK TO a;
SAVEPOINT b;
SET LOCAL db_guard.allow = 'drop-column';
ROLLBACK TO b;
SAVEPOINT c;
$ddl;
ROLLBACK TO c;
CREATE TABLE public.s2 (id int);
COMMIT;
SQL
	is(() = $err =~ /ERROR:  DG001/g, 2, 'refused in both, the setting went with its savepoint');
	is(answer('shop', q{SELECT string_agg(outcome, ',' ORDER BY outcome) FROM db_guard.ddl_log}),
		'blocked,blocked,done,done', 'what was around them stays');
};

subtest 'prepared transactions' => sub {
	answer('shop', 'TRUNCATE db_guard.ddl_log');
	my ($out, $err) = session('shop', <<"SQL");
BEGIN; CREATE TABLE public.p1 (id int); SET LOCAL db_guard.allow = 'rename-column';
$hazard PREPARE TRANSACTION 'kept';
BEGIN; CREATE TABLE public.p2 (id int); PREPARE TRANSACTION 'dropped';
SELECT count(*) FROM db_guard.ddl_log;
ROLLBACK PREPARED 'dropped';
COMMIT PREPARED 'kept';
SQL
	is($err, '', 'they work');
	is($out, 0, 'the log waits for the second phase');
	is(answer('shop', q{SELECT string_agg(outcome, ',' ORDER BY id) FROM db_guard.ddl_log}),
		'done,allowed', 'and follows it');
	# A transaction without a session can hold a table, too; a DROP would wait for it.
	answer('shop', "BEGIN; SELECT FROM public.orders LIMIT 1; PREPARE TRANSACTION 'reader'");
	($out, $err) = session('shop', "SET statement_timeout = '60s'; DROP INDEX public.orders_total;");
	like($err, qr/ERROR:  DG001: .*would wait now for a prepared transaction/s, 'one in the way is seen');
	answer('shop', "COMMIT PREPARED 'reader'");
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
