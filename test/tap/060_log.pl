# db_guard.ddl_log: what is in it, what is kept out of it, and that a refusal is in it whatever
# becomes of the session that was refused.
use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('log');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
# The server is to survive kill -9 by itself, and what it says is durable must be.
$node->append_conf('postgresql.conf', <<'CONF');
fsync = on
restart_after_crash = on
listen_addresses = '127.0.0.1'
max_worker_processes = 16
autovacuum = off
db_guard.small_table_size = 0
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
SET db_guard.log_ddl = off;
CREATE ROLE applicant LOGIN;
CREATE ROLE builder;
GRANT builder TO applicant;
GRANT CREATE ON SCHEMA public TO builder;
CREATE TABLE public.t (id integer, note text);
INSERT INTO public.t SELECT g, g FROM generate_series(1, 1000) g;
ALTER TABLE public.t OWNER TO builder;
SQL

my $hazard = 'ALTER TABLE public.t RENAME COLUMN note TO remark';
my $back = 'ALTER TABLE public.t RENAME COLUMN remark TO note';

sub session
{
	my ($script, %with) = @_;
	my ($out, $err) = ('', '');
	utf8::encode(my $bytes = "\\set VERBOSITY verbose\n$script");
	$node->psql('postgres', $bytes, stdout => \$out, stderr => \$err, on_error_stop => 0, %with);
	return ($out, $err);
}

sub answer { return $node->safe_psql('postgres', $_[0]); }
sub forget { answer('TRUNCATE db_guard.ddl_log'); return; }

my $blocked = qr/ERROR:  DG001: /;
my $refusals = q{SELECT count(*) FROM db_guard.ddl_log WHERE outcome = 'blocked'};

# --- durable --------------------------------------------------------------------------------------

subtest 'a refusal outlives its transaction' => sub {
	forget();
	my ($out, $err) = session("BEGIN;\nCREATE TABLE public.gone (id int);\n$hazard;\nROLLBACK;");
	like($err, $blocked, 'refused');
	is(answer('SELECT statement, outcome, transaction_id IS NOT NULL FROM db_guard.ddl_log'),
		"$hazard|blocked|t", 'in the log; what was rolled back is not');
	like((session("$hazard;"))[1], $blocked, 'refused without a block');
	is(answer($refusals), 2, 'in the log');
	is(answer("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'db_guard log writer'"), 0,
		'the writer has gone by then');
};

subtest 'a refusal outlives its session' => sub {
	forget();
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/^over$/m, "$hazard;\n\\echo over\n");
	kill 'KILL', $pid;
	# All sessions end with it, and the server recovers from the WAL.
	$node->poll_query_until('postgres', "SELECT pg_postmaster_start_time() IS NOT NULL
		AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)") or die 'no recovery';
	eval { $session->quit };
	is(answer($refusals), 1, 'killed: in the log');
};

subtest 'a refusal outlives a crash of the server' => sub {
	forget();
	# Whoever asks for speed over durability does not ask it for this.
	like((session("SET synchronous_commit = off; $hazard;"))[1], $blocked, 'refused');
	$node->stop('immediate');
	$node->start;
	is(answer($refusals), 1, 'in the log');
	answer('ALTER SYSTEM SET synchronous_commit = off');
	$node->reload;
	like((session("$hazard;"))[1], $blocked, 'refused');
	$node->stop('immediate');
	$node->start;
	is(answer($refusals), 2, 'in the log, when the whole server prefers speed');
	answer('ALTER SYSTEM RESET synchronous_commit');
	$node->reload;
};

# --- when it cannot be written --------------------------------------------------------------------

sub says_in_server_log
{
	my ($offset, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(substr(slurp_file($node->logfile), $offset), $expected, $name);
	return;
}

my $unrecorded = qr/LOG:  db_guard could not record a refused statement in db_guard\.ddl_log: /;

subtest 'the log is locked' => sub {
	forget();
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE db_guard.ddl_log IN ACCESS EXCLUSIVE MODE;');
	my $offset = -s $node->logfile;
	like((session("SET statement_timeout = '60s'; $hazard;"))[1], $blocked, 'by another session: refused all the same');
	says_in_server_log($offset, $unrecorded, 'the server log says that it could not be recorded');
	$locker->query_safe('ROLLBACK');
	$locker->quit;

	$offset = -s $node->logfile;
	my ($out, $err) = session("SET statement_timeout = '60s';
		BEGIN; LOCK TABLE db_guard.ddl_log IN ACCESS EXCLUSIVE MODE; $hazard;");
	like($err, $blocked, 'by the session itself: refused');
	unlike($err, qr/deadlock|57014/, 'without a deadlock');
	says_in_server_log($offset, $unrecorded, 'the server log says that it could not be recorded');
	is(answer($refusals), 0, 'neither is in the log');
	session("$hazard;");
	is(answer($refusals), 1, 'the next one is');
};

subtest 'no background worker is free' => sub {
	forget();
	# The launcher of logical replication has the only place.
	answer('ALTER SYSTEM SET max_worker_processes = 1');
	$node->restart;
	my $offset = -s $node->logfile;
	like((session("$hazard;"))[1], $blocked, 'refused all the same');
	says_in_server_log($offset, $unrecorded, 'the server log says that it could not be recorded');
	says_in_server_log($offset, qr/HINT: .*max_worker_processes/, 'and what to do');
	is(answer($refusals), 0, 'it is not in the log');
	is((session("SET db_guard.allow = 'rename-column'; $hazard; $back;"))[1], '', 'what passes needs no worker');
	is(answer(q{SELECT string_agg(outcome, ',' ORDER BY id) FROM db_guard.ddl_log}), 'allowed,allowed', 'and is logged');
	answer('ALTER SYSTEM RESET max_worker_processes');
	$node->restart;
};

subtest 'the log was changed' => sub {
	answer('ALTER TABLE db_guard.ddl_log ADD COLUMN extra text');
	my ($out, $err) = session('CREATE TABLE public.kept (id int);');
	like($err, qr/WARNING: .*ddl_log/, 'a WARNING');
	unlike($err, qr/ERROR/, 'and no error');
	like((session("$hazard;"))[1], $blocked, 'refusals go on');
	$node->safe_psql('postgres', 'DROP EXTENSION db_guard; DROP TABLE public.kept; CREATE EXTENSION db_guard');
};

# --- content --------------------------------------------------------------------------------------

subtest 'every column' => sub {
	forget();
	my $script = <<"SQL";
SELECT pg_backend_pid() \\gset
SET ROLE builder;
BEGIN;
SET LOCAL db_guard.allow = 'rename-column';
SET LOCAL db_guard.allow_reason = 'it''s agreed: “yes”';
$hazard;
SELECT pg_current_xact_id() AS xid \\gset
COMMIT;
$back;
SELECT :pg_backend_pid, :xid, now();
SQL
	local $ENV{PGAPPNAME} = 'the “tool”';
	utf8::encode($ENV{PGAPPNAME});
	my ($out, $err) = session($script,
		connstr => "host=127.0.0.1 port=@{[ $node->port ]} dbname=postgres user=applicant");
	my ($pid, $xid) = split /\|/, $out;
	my $columns = q{user_name, session_user_name, client_address, process_id, transaction_id,
		command_tag, object, statement, outcome, duration_ms > 0 AND duration_ms < 60000,
		logged_at BETWEEN now() - interval '5 min' AND now(), analysis_error, dropped};
	is(answer("SELECT $columns FROM db_guard.ddl_log WHERE outcome = 'allowed'"),
		"builder|applicant|127.0.0.1|$pid|$xid|ALTER TABLE|public.t|$hazard|allowed|t|t||", 'allowed');
	is(answer("SELECT $columns FROM db_guard.ddl_log WHERE outcome = 'blocked'"),
		"builder|applicant|127.0.0.1|$pid||ALTER TABLE|public.t|$back|blocked|t|t||", 'refused');
	my ($reason, $application) = split /\|/,
	  answer(q{SELECT allow_reason, application_name FROM db_guard.ddl_log WHERE outcome = 'allowed'});
	utf8::decode($_) foreach ($reason, $application);
	is($reason, 'it\'s agreed: “yes”', 'the reason');
	like($application, qr/^the /, 'the application');
	is(answer(q{SELECT count(*), count(allow_reason) FROM db_guard.ddl_log WHERE outcome = 'blocked'}), '1|0',
		'a reason only where it counted');
	is(answer(q{SELECT f ->> 'rule', f ->> 'severity', f ->> 'object', f ->> 'lock', (f ->> 'bytes')::int > 0
		FROM db_guard.ddl_log, jsonb_array_elements(findings) f WHERE outcome = 'blocked'}),
		'rename-column|block|public.t|AccessExclusiveLock|t', 'the finding');
	session("SET db_guard.mode = off; $back;");
	is(answer("SELECT client_address IS NULL FROM db_guard.ddl_log WHERE outcome = 'done' AND object = 'public.t'"), 't',
		'no address by socket');
};

# What is logged is not only what passes the rules.
$ENV{PGOPTIONS} = '-c db_guard.allow=drop-cascade,drop-schema,drop-table,drop-view,rename-table';

subtest 'the objects of statements' => sub {
	my @statements = (
		[ 'CREATE SCHEMA "a b"', '"a b"' ],
		[ 'CREATE TABLE "a b"."T" (id int, x int)', '"a b"."T"' ],
		[ 'CREATE INDEX i ON "a b"."T" (id)', '"a b"."T"' ],
		[ 'CREATE VIEW "a b".v AS SELECT id FROM "a b"."T"', '"a b".v' ],
		[ 'CREATE TYPE "a b".e AS ENUM (\'x\')', '"a b".e' ],
		[ 'CREATE SEQUENCE "a b".s', '"a b".s' ],
		[ 'CREATE FUNCTION "a b".f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', '"a b".f' ],
		[ 'COMMENT ON TABLE "a b"."T" IS \'x\'', undef ],
		[ 'GRANT SELECT ON "a b"."T" TO PUBLIC', undef ],
		[ 'ALTER TABLE "a b"."T" ADD COLUMN y int', '"a b"."T"' ],
		[ 'CREATE TABLE "a b".u AS SELECT 1 AS x', '"a b".u' ],
		[ 'SELECT 1 AS x INTO "a b".w', '"a b".w' ],
		[ 'ALTER TABLE "a b".u SET SCHEMA public', '"a b".u' ],
		[ 'DROP TABLE public.u, "a b".w', 'public.u, "a b".w' ]);
	foreach my $case (@statements)
	{
		my ($statement, $object) = @$case;
		forget();
		answer($statement);
		my ($logged, $text) = split /\|/, answer('SELECT object, statement FROM db_guard.ddl_log'), 2;
		is($text, $statement, "text: $statement");
		is($logged, $object, "object: $object") if defined $object;
	}
};

subtest 'what CASCADE takes along' => sub {
	forget();
	answer('DROP VIEW "a b".v');
	is(answer('SELECT dropped IS NULL FROM db_guard.ddl_log'), 't', 'nothing without it');
	answer('CREATE VIEW "a b".v AS SELECT id FROM "a b"."T"; CREATE TABLE "a b".k (id int PRIMARY KEY);
		CREATE TABLE public.other (id int CONSTRAINT other_key REFERENCES "a b".k)');
	forget();
	answer('DROP SCHEMA "a b" CASCADE');
	my $dropped = answer('SELECT dropped FROM db_guard.ddl_log');
	like($dropped, qr/\Q$_\E/, "names $_")
	  foreach ('view \"a b\".v', 'table \"a b\".\"T\"', 'function \"a b\".f()', 'sequence \"a b\".s',
		'table constraint other_key on public.other');
	answer('CREATE ROLE heir; GRANT CREATE ON SCHEMA public TO heir; SET ROLE heir; CREATE TABLE public.estate (id int)');
	forget();
	answer('DROP OWNED BY heir');
	like(answer('SELECT command_tag, dropped FROM db_guard.ddl_log'), qr/^DROP OWNED\|.*public\.estate/, 'DROP OWNED');
	answer('CREATE TABLE public.many (id int)');
	answer("CREATE VIEW public.m$_ AS SELECT * FROM public.many") foreach 1 .. 5;
	answer('DO $$ BEGIN FOR i IN 10..200 LOOP EXECUTE format($f$CREATE VIEW public.m%s AS SELECT id FROM public.many$f$, i); END LOOP; END $$');
	forget();
	answer('DROP TABLE public.many CASCADE');
	is(answer('SELECT jsonb_array_length(dropped) FROM db_guard.ddl_log'), 100, 'not more than a hundred');
};

subtest 'secrets are left out' => sub {
	forget();
	my $secret = 'geheim' . $$;
	answer('CREATE FOREIGN DATA WRAPPER w');
	my @statements = (
		"CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (token '$secret')",
		"ALTER SERVER s OPTIONS (SET token '$secret')",
		"CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password '$secret')",
		"ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET password '$secret')",
		"CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere password=$secret' PUBLICATION p WITH (connect = false)",
		"ALTER SUBSCRIPTION sub CONNECTION 'host=elsewhere password=$secret'");
	answer($_) foreach @statements;
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 1 + @statements, 'all are logged');
	# As a session's first statement, where only the client's whole string is known; and in a string.
	my $inner = "CREATE TABLE public.s1 (id int); ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET password '$secret');";
	answer("DO \$\$ BEGIN $inner END \$\$");
	answer('DROP TABLE public.s1');
	$node->command_ok([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $inner ], 'two in one string');
	is(answer("SELECT count(*) FROM db_guard.ddl_log l WHERE l::text ~ '$secret'"), 0, 'without what they hide')
	  or diag answer("SELECT statement FROM db_guard.ddl_log l WHERE l::text ~ '$secret'");
	answer('ALTER SUBSCRIPTION sub SET (slot_name = NONE)');
	answer('DROP SUBSCRIPTION sub; DROP FOREIGN DATA WRAPPER w CASCADE');
};

subtest 'long statements are cut' => sub {
	forget();
	my $long = 'CREATE TABLE public.long_one (id int, note text DEFAULT \'' . ('é' x 100_000) . '\')';
	session("$long;");
	my $row = answer('SELECT octet_length(statement) BETWEEN 65000 AND 65700,
		statement ~ \'^CREATE TABLE public.long_one .* \.\.\. \(\d+ bytes in all\)$\' FROM db_guard.ddl_log');
	is($row, 't|t', 'cut between two letters, with a note');
	my $blocked_long = '/* ' . ('é' x 100_000) . " */ $hazard";
	like((session("$blocked_long;"))[1], $blocked, 'a refused one');
	is(answer("SELECT count(*) FROM db_guard.ddl_log WHERE outcome = 'blocked' AND octet_length(statement) < 70000"), 1,
		'the same');
};

# --- who does not log -----------------------------------------------------------------------------

subtest 'log_ddl = off' => sub {
	forget();
	my ($out, $err) = session("SET db_guard.log_ddl = off; CREATE TABLE public.quiet (id int); $hazard; DROP TABLE public.quiet;");
	like($err, $blocked, 'it still refuses');
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 0, 'and logs nothing');
};

subtest 'mode = off still logs' => sub {
	forget();
	is((session("SET db_guard.mode = off; $hazard; $back;"))[1], '', 'nothing is refused');
	is(answer(q{SELECT string_agg(outcome || jsonb_array_length(findings), ',') FROM db_guard.ddl_log}), 'done0,done0',
		'what ran is logged, unjudged');
};

subtest 'read-only sessions' => sub {
	forget();
	my ($out, $err) = session("SET default_transaction_read_only = on; SELECT count(*) FROM db_guard.rules; $hazard;");
	like($err, qr/ERROR:  25006: /, 'the server refuses');
	like($out, qr/^\d+$/, 'queries work');
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 0, 'nothing to log');
};

subtest 'hot standby' => sub {
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "session_preload_libraries = 'db_guard'\n");
	$standby->start;
	session("$hazard;");
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', $refusals), answer($refusals), 'the log is there');
	is($standby->safe_psql('postgres', 'SELECT count(*) > 0 FROM db_guard.rules'), 't', 'the rules, too');
	is($standby->safe_psql('postgres', "SET db_guard.allow = 'rename-column'; SELECT count(*) FROM public.t"), 1000,
		'queries run');
	my ($out, $err) = ('', '');
	foreach my $statement ($hazard, 'CREATE TABLE public.x (id int)', 'CREATE TEMP TABLE x (id int)',
		'DROP INDEX public.nothing')
	{
		$standby->psql('postgres', "\\set VERBOSITY verbose\n$statement;", stdout => \$out, stderr => \$err, on_error_stop => 0);
		like($err, qr/ERROR:  25006: /, "the server refuses: $statement");
	}
	$standby->promote;
	$standby->psql('postgres', "\\set VERBOSITY verbose\n$hazard;", stdout => \$out, stderr => \$err, on_error_stop => 0);
	like($err, $blocked, 'promoted: the guard does');
	is($standby->safe_psql('postgres', $refusals), answer($refusals) + 1, 'and logs it');
	$standby->stop;
};

subtest 'pruning' => sub {
	forget();
	session("CREATE TABLE public.p$_ (id int);") foreach 1 .. 3;
	session("$hazard;");
	answer(q{UPDATE db_guard.ddl_log SET logged_at = logged_at - interval '40 days' WHERE object IN ('public.p1', 'public.p2')});
	is(answer(q{SELECT db_guard.prune_ddl_log('90 days')}), 0, 'nothing is that old');
	is(answer(q{SELECT db_guard.prune_ddl_log('30 days')}), 2, 'two are that old');
	is(answer('SELECT count(*) FROM db_guard.ddl_log'), 2, 'the others stay');
	is(answer(q{SELECT db_guard.prune_ddl_log(NULL) IS NULL}), 't', 'NULL for NULL');
	is(answer(q{SELECT db_guard.prune_ddl_log('0')}), 2, 'all');
};

subtest 'many refusals' => sub {
	forget();
	my $script = join '', map { "$hazard;\n" } 1 .. 40;
	my ($out, $err) = session($script);
	is(() = $err =~ /$blocked/g, 40, 'all are refused');
	is(answer($refusals), 40, 'all are logged');
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal (?!9)|PANIC/, 'no crash but the one asked for');

done_testing();
