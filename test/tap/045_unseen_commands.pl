# Commands that raise no event trigger: judged and logged where the library is preloaded, and nowhere
# else. And what a session is told of it.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('unseen');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
autovacuum = off
db_guard.small_table_size = 0
CONF
$node->start;
my $spaces = PostgreSQL::Test::Utils::tempdir;
my $reindex_is_seen = $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;

# A session of its own. Returns what it said on both channels.
sub session
{
	my ($db, $script, %with) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, "\\set VERBOSITY verbose\n$script",
		stdout => \$out, stderr => \$err, on_error_stop => 0, %with);
	return ($out, $err);
}

sub answer { my ($db, $sql) = @_; return $node->safe_psql($db, $sql); }
sub forget { answer('shop', 'SET db_guard.log_ddl = off; SET db_guard.mode = off; TRUNCATE db_guard.ddl_log'); return; }

sub passes
{
	my ($db, $script, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = session($db, $script);
	unlike($err, qr/ERROR: |FATAL: |WARNING: |db_guard/, $name);
	return $out;
}

my $logged = q{SELECT command_tag, object, outcome FROM db_guard.ddl_log ORDER BY id};

answer('postgres', 'CREATE DATABASE shop');
answer('postgres', 'CREATE DATABASE plain');
answer('shop', <<'SQL');
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
CREATE TABLE public.orders (id bigint PRIMARY KEY, note text);
CREATE TABLE public."Odd ""one" (id bigint PRIMARY KEY);
INSERT INTO public.orders SELECT g, g FROM generate_series(1, 1000) g;
CLUSTER public.orders USING orders_pkey;
SQL

my %classes = map { $_ => 1 } (
	'TRUNCATE, LOCK, VACUUM FULL, CLUSTER', 'REINDEX',
	'ALTER SYSTEM; ALTER ROLE and ALTER DATABASE ... SET',
	'roles: superusers and their like, roles that are logged in', 'DROP DATABASE');

sub coverage
{
	my ($set) = @_;
	my %coverage;
	foreach my $row (split /\n/, passes('shop', "$set SELECT command_class, guarded, what_to_do FROM db_guard.coverage;", 'coverage'))
	{
		my ($class, $guarded, $what_to_do) = split /\|/, $row;
		$coverage{$class} = [ $guarded, $what_to_do ];
	}
	return \%coverage;
}

# --- not preloaded ----------------------------------------------------------------------------------

subtest 'without preloading' => sub {
	forget();
	# The first statement loads the library; what it sees from then on must not depend on that.
	passes('shop', 'CREATE TEMP TABLE loads (); TRUNCATE public.orders; ALTER SYSTEM SET fsync = off;
		ALTER SYSTEM RESET fsync;', 'they pass');
	is(answer('shop', $logged), '', 'and are not logged');
	my $coverage = coverage('');
	foreach my $class (sort keys %classes)
	{
		next if $class eq 'REINDEX' && $reindex_is_seen;
		is($coverage->{$class}[0], 'f', "$class: not guarded");
		is($coverage->{$class}[1], 'event triggers do not see it: ALTER DATABASE shop SET '
			. 'session_preload_libraries = db_guard, and connect again', "$class: what to do");
	}
	is($coverage->{'CREATE INDEX'}[0], 't', 'the others are');
	my $other = coverage(q{SET session_preload_libraries = '';})->{'DROP DATABASE'};
	is($other->[0], 'f', 'a setting that comes too late changes nothing');
};

# --- what coverage tells to do ------------------------------------------------------------------------

answer('shop', coverage('')->{'DROP DATABASE'}[1] =~ /(ALTER DATABASE .*), and connect again/);
answer('plain', 'ALTER DATABASE plain SET session_preload_libraries = db_guard');

subtest 'with preloading' => sub {
	my $coverage = coverage('');
	foreach my $class (sort keys %classes)
	{
		is($coverage->{$class}[0], 't', "$class: guarded");
		is($coverage->{$class}[1] // '', '', "$class: nothing to do");
	}
	is(coverage('SET db_guard.mode = off;')->{'DROP DATABASE'}[0], 'f', 'mode off: not guarded');
	is(coverage('SET session_replication_role = replica;')->{'REINDEX'}[0], 'f', 'replica: not guarded');
};

my $allow = "SET db_guard.allow = 'all'; SET db_guard.allow_reason = 'test';";
my %log_of = (
	'TRUNCATE public.orders;' => 'TRUNCATE TABLE|public.orders',
	'TRUNCATE public.orders, public."Odd ""one";' => 'TRUNCATE TABLE|public.orders, public."Odd ""one"',
	'VACUUM FULL public.orders;' => 'VACUUM|public.orders',
	'VACUUM (FULL, ANALYZE) public.orders;' => 'VACUUM|public.orders',
	'VACUUM FULL;' => 'VACUUM|',
	'CLUSTER public.orders;' => 'CLUSTER|public.orders',
	'CLUSTER;' => 'CLUSTER|',
	'CREATE DATABASE other; DROP DATABASE other;' => "CREATE DATABASE|other\nDROP DATABASE|other",
	"ALTER DATABASE plain SET work_mem = '5MB';" => 'ALTER DATABASE|plain',
	'ALTER DATABASE plain RENAME TO bare; ALTER DATABASE bare RENAME TO plain;' => "ALTER DATABASE|plain\nALTER DATABASE|bare",
	"ALTER SYSTEM SET work_mem = '5MB'; ALTER SYSTEM RESET work_mem;" => "ALTER SYSTEM|work_mem\nALTER SYSTEM|work_mem",
	'CREATE ROLE "Some one"; ALTER ROLE "Some one" NOLOGIN; GRANT pg_monitor TO "Some one"; DROP ROLE "Some one";' =>
		join("\n", map { "$_|\"Some one\"" } 'CREATE ROLE', 'ALTER ROLE', 'GRANT ROLE', 'DROP ROLE'),
	"CREATE TABLESPACE space LOCATION '$spaces'; ALTER TABLESPACE space SET (seq_page_cost = 2); DROP TABLESPACE space;" =>
		"CREATE TABLESPACE|space\nALTER TABLESPACE|space\nDROP TABLESPACE|space",
	'ALTER EVENT TRIGGER db_guard_sql_drop DISABLE; ALTER EVENT TRIGGER db_guard_sql_drop ENABLE;' =>
		"ALTER EVENT TRIGGER|db_guard_sql_drop\nALTER EVENT TRIGGER|db_guard_sql_drop",
	'REINDEX TABLE public.orders;' => 'REINDEX|public.orders',
	'REINDEX TABLE CONCURRENTLY public.orders;' => 'REINDEX|public.orders',
	'REINDEX DATABASE shop;' => 'REINDEX|shop',
	# Daily bread.
	'BEGIN; LOCK TABLE public.orders IN ACCESS SHARE MODE; COMMIT;' => '',
	'VACUUM public.orders;' => '',
	'ANALYZE public.orders;' => '',
	'CREATE TEMP TABLE scratch (); TRUNCATE scratch;' => '',
	# Rolled back, and its log with it.
	'BEGIN; TRUNCATE public.orders; ROLLBACK;' => '');

subtest 'the log' => sub {
	foreach my $script (sort keys %log_of)
	{
		forget();
		my ($out, $err) = session('shop', "$allow\n$script");
		unlike($err, qr/ERROR: |WARNING: /, "$script runs");
		is(answer('shop', 'SELECT command_tag, object FROM db_guard.ddl_log
			WHERE outcome IN ($$done$$, $$allowed$$) ORDER BY id'), $log_of{$script}, "$script is logged");
	}
	forget();
	session('shop', "$allow CREATE ROLE secretive PASSWORD 'very secret'; ALTER ROLE secretive PASSWORD 'more secret';
		DROP ROLE secretive; ALTER SYSTEM SET primary_conninfo = 'password=secret'; ALTER SYSTEM RESET primary_conninfo;");
	is(answer('shop', q{SELECT count(*), count(*) FILTER (WHERE statement LIKE '%secret''%' OR statement LIKE '%=secret%')
		FROM db_guard.ddl_log}), '5|0', 'passwords are not');
	forget();
	session('shop', "SET db_guard.log_ddl = off; $allow TRUNCATE public.orders;");
	is(answer('shop', $logged), '', 'with log_ddl off nothing is');
};

my $hazard = 'ALTER SYSTEM SET fsync = off;';

sub is_blocked
{
	my ($set, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = session('shop', "$set $hazard");
	like($err, qr/ERROR:  DG001: this sets fsync = off for the whole server/, $name);
	return $err;
}

subtest 'refused' => sub {
	forget();
	my $err = is_blocked('', 'ALTER SYSTEM');
	like($err, qr/To run it all the same: SET db_guard.allow = 'unsafe-setting'; .* and RESET/m,
		'the way out needs no transaction block, which the server would refuse');
	is(answer('shop', $logged), 'ALTER SYSTEM|fsync|blocked', 'logged');
	is(answer('shop', 'SHOW fsync'), 'off', 'it was off in the test');
	is(answer('shop', "SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' AND name = 'fsync'"), 0,
		'it was not done');
	forget();
	passes('shop', "SET db_guard.allow = 'unsafe-setting'; $hazard ALTER SYSTEM RESET fsync;", 'allowed');
	is(answer('shop', 'SELECT outcome FROM db_guard.ddl_log ORDER BY id'), "allowed\ndone", 'and logged so');
	forget();
	my ($out, $warned) = session('shop', "SET db_guard.mode = warn; $hazard ALTER SYSTEM RESET fsync;");
	like($warned, qr/WARNING:  01000: this sets fsync/, 'mode warn: a WARNING');
	is(answer('shop', 'SELECT outcome FROM db_guard.ddl_log ORDER BY id'), "warned\ndone", 'and logged so');
	($out, $warned) = session('shop', 'DO $$ BEGIN EXECUTE $x$ALTER ROLE CURRENT_USER SUPERUSER$x$; END $$;');
	like($warned, qr/WARNING:  01000: this makes the current role SUPERUSER/, 'inside DO');
};

subtest 'the examples of the rules about the server' => sub {
	my $rules = answer('shop', q{SELECT rule || '|' || severity || '|' || example || '|' || good_example
		FROM db_guard.rules WHERE family = 'server' ORDER BY rule});
	cmp_ok(scalar(split /\n/, $rules), '>=', 3, 'there are rules');
	my $level = { block => 'ERROR:  DG001', warn => 'WARNING:  01000' };
	foreach my $row (split /\n/, $rules)
	{
		my ($rule, $severity, $bad, $good) = split /\|/, $row;
		answer('shop', 'DROP ROLE IF EXISTS app');
		answer('shop', 'CREATE ROLE app LOGIN');
		my $other = $node->background_psql('shop', extra_params => [ '-U', 'app' ]);
		$other->query_safe('SELECT 1');
		my ($out, $err) = session('shop', $bad);
		like($err, qr/$level->{$severity}: .*\nDETAIL:  db_guard rule $rule: /, "$rule: the bad one is reported");
		$other->quit;
		answer('shop', 'DROP ROLE IF EXISTS app');
		answer('shop', 'CREATE ROLE app LOGIN');
		passes('shop', $good, "$rule: the good one is not");
	}
	passes('shop', 'DROP ROLE app;', 'a role that nobody is logged in as may go');
};

# --- the ways out ---------------------------------------------------------------------------------------

subtest 'never in the way' => sub {
	passes('plain', "$hazard ALTER SYSTEM RESET fsync;", 'a database without the extension');
	my $restore = "SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = off; SET row_security = off; SET xmloption = content;";
	passes('shop', "$restore $hazard ALTER SYSTEM RESET fsync;", 'a restore');
	passes('shop', "SET session_replication_role = replica; $hazard ALTER SYSTEM RESET fsync;", 'a replica');
	passes('shop', "SET db_guard.mode = off; $hazard ALTER SYSTEM RESET fsync;", 'mode off');
	passes('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_start DISABLE;', 'DISABLE passes');
	passes('shop', "$hazard ALTER SYSTEM RESET fsync;", 'and holds here, too');
	is(coverage('')->{'DROP DATABASE'}[1],
		'the event trigger is disabled: ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE', 'coverage says so');
	passes('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE ALWAYS;', 'ENABLE ALWAYS');
	is_blocked('SET session_replication_role = replica;', 'is for replicas, too');
	passes('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE;', 'and back');
	is_blocked('', 'guarded again');

	my $locker = $node->background_psql('shop');
	$locker->query_safe('BEGIN; SET db_guard.mode = off; LOCK TABLE db_guard.ddl_log IN ACCESS EXCLUSIVE MODE;');
	passes('shop', "SET statement_timeout = '60s'; ALTER EVENT TRIGGER db_guard_ddl_command_end DISABLE;",
		'a log that is locked keeps nobody from the way out');
	passes('shop', "SET statement_timeout = '60s'; SET db_guard.allow = 'all'; VACUUM FULL public.orders;",
		'and after it nothing is logged');
	$locker->query_safe('ROLLBACK');
	$locker->quit;
	answer('shop', 'ALTER EVENT TRIGGER db_guard_ddl_command_end ENABLE');
};

subtest 'LOCK takes no snapshot' => sub {
	# A transaction that locks first and looks later must see what was committed while it waited.
	foreach my $set ('', "SET db_guard.allow = 'all';")
	{
		answer('shop', 'DELETE FROM public.orders');
		my $locker = $node->background_psql('shop');
		$locker->query_safe("SET lock_timeout = '10min'; $set BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE public.\"Odd \"\"one\" IN SHARE MODE;");
		answer('shop', 'INSERT INTO public.orders VALUES (1)');
		is($locker->query_safe('SELECT count(*) FROM public.orders'), 1, 'what came after LOCK is seen');
		$locker->query_safe('COMMIT');
		$locker->quit;
	}
};

subtest 'on a standby' => sub {
	my $backup = $node->backup('copy');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->start;
	my ($out, $err) = ('', '');
	$standby->psql('shop', 'BEGIN; LOCK TABLE public.orders IN ACCESS SHARE MODE; COMMIT;', stderr => \$err);
	is($err, '', 'what is allowed there passes');
	$standby->stop;
};

subtest 'single-user mode' => sub {
	$node->stop;
	my ($bin) = run_command([ 'pg_config', '--bindir' ]);
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ "$bin/postgres", '--single', '-D', $node->data_dir, 'shop' ],
		'<', \"$hazard\nALTER SYSTEM RESET fsync;\n", '>', \$out, '2>', \$err);
	ok($ok && $err !~ /DG001|ERROR/, 'nobody is in the way') or diag($err);
	$node->start;
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
