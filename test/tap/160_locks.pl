# Named locks between sessions: the queue, CREATE INDEX CONCURRENTLY of a holder while others wait,
# retries that name who is in the way, leases under competition, a crash, a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('locks');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
max_worker_processes = 16
db_guard.mode = off
CONF
$node->start;
my $user = $node->safe_psql('postgres', 'SELECT current_user');
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard; CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)');

sub answer { return $node->safe_psql('postgres', $_[0]); }
sub session { return $node->background_psql('postgres', on_error_stop => 0); }

sub wait_until
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition") or die "never: $condition";
	return;
}

subtest 'the holder builds an index CONCURRENTLY while four sessions wait' => sub {
	my $holder = session();
	$holder->query_safe(q{SELECT db_guard.session_lock('migration')});
	my @waiters;
	foreach my $place (1 .. 4)
	{
		my $waiter = session();
		my $pid = $waiter->query_safe('SELECT pg_backend_pid()');
		# With a timeout and without: neither may hold a snapshot.
		my $timeout = $place % 2 ? '' : q{, '1 hour'};
		$waiter->query_until(qr/begun/, "\\echo begun\nCALL db_guard.wait_lock('migration'$timeout);\nINSERT INTO t VALUES (-$place);\nSELECT db_guard.session_unlock('migration');\n");
		wait_until("count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory' AND NOT granted");
		push @waiters, { session => $waiter, pid => $pid };
	}
	is(answer(q{SELECT array_length(waiters, 1), waiters::text FROM db_guard.held_locks WHERE name = 'migration'}),
		'4|{' . join(',', map { $_->{pid} } @waiters) . '}', 'they stand in a queue');
	is(answer('SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid IN ('
			. join(',', map { $_->{pid} } @waiters) . ')'), 0, 'none of them holds a snapshot');
	$holder->query_safe('CREATE INDEX CONCURRENTLY t_id ON t (id)');
	is(answer(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass}), 't', 'the index is built, and valid');
	$holder->query_safe(q{SELECT db_guard.session_unlock('migration')});
	wait_until('count(*) = 4 FROM t WHERE id < 0');
	is(answer('SELECT string_agg(id::text, \' \' ORDER BY ctid) FROM t WHERE id < 0'), '-1 -2 -3 -4', 'first come first served');
	$_->{session}->quit foreach @waiters;
	$holder->quit;
};

subtest 'control: a function that waits keeps its snapshot' => sub {
	my $holder = session();
	$holder->query_safe(q{SELECT db_guard.session_lock('migration')});
	my $waiter = session();
	my $pid = $waiter->query_safe('SELECT pg_backend_pid()');
	$waiter->query_until(qr/begun/, "\\echo begun\nSELECT db_guard.lock('migration');\n");
	wait_until("count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory' AND NOT granted");
	is(answer("SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = $pid"), 't', 'so the view above can tell');
	$holder->quit;
	$waiter->quit;
};

subtest 'a wait that ends in vain says who has the lock' => sub {
	my $holder = session();
	my $pid = $holder->query_safe(q{SELECT pg_backend_pid() FROM (SELECT db_guard.session_lock('busy')) s});
	foreach my $call (q{SELECT db_guard.lock('busy', '50 ms')}, q{SELECT db_guard.session_lock('busy', '50 ms')},
		q{CALL db_guard.wait_lock('busy', '50 ms')}, q{CALL db_guard.run_with_lock('busy', 'SELECT 1', '50 ms')})
	{
		my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");
		like($err, qr/ERROR:  55P03: lock "busy" was not obtained within 50 ms\nDETAIL:  It is held by process $pid, user \Q$user\E,/, $call);
	}
	foreach my $call (q{SELECT db_guard.lock('busy', '0')}, q{CALL db_guard.wait_lock('busy', '0')})
	{
		my ($ret, $out, $err) = $node->psql('postgres', $call);
		like($err, qr/ERROR:  lock "busy" is held by another session/, $call);
	}
	is(answer(q{SELECT db_guard.try_lock('busy'), db_guard.try_session_lock('busy')}), 'f|f', 'and a try says no');
	kill 'KILL', $pid;
	eval { $holder->quit };
	wait_until('true');
	is(answer(q{SELECT db_guard.try_lock('busy')}), 't', 'it goes with the process');
};

subtest 'an uncommitted name does not keep others from asking' => sub {
	my $first = session();
	$first->query_safe(q{BEGIN; SELECT db_guard.lock('brand new')});
	is(answer(q{SELECT db_guard.try_lock('brand new')}), 'f', 'answered at once');
	is(answer('SELECT count(*) FROM db_guard.held_locks WHERE name IS NULL'), 1, 'held, its name not yet known');
	$first->query_safe('COMMIT');
	is(answer(q{SELECT db_guard.try_lock('brand new')}), 't', 'free');
	is(answer(q{SELECT count(*) FROM db_guard.lock_names WHERE name = 'brand new'}), 1, 'and entered once');
	$first->quit;
};

subtest 'run_with_lock gives the lock back after the commit' => sub {
	# A deferred trigger runs at commit: the lock must still be held then.
	answer(<<'SQL');
CREATE TABLE watched (held bigint);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'held at commit: %', (SELECT count(*) FROM db_guard.held_locks WHERE name = 'order');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER look AFTER INSERT ON watched DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look();
SQL
	my ($ret, $out, $err) = $node->psql('postgres', q{CALL db_guard.run_with_lock('order', 'INSERT INTO watched VALUES (1)')});
	like($err, qr/held at commit: 1/, 'held while the commit runs');
	is(answer('SELECT count(*) FROM db_guard.held_locks'), 0, 'and free after');
};

subtest 'run_with_retries names who is in the way, and never waits without a limit' => sub {
	my $reader = session();
	my $pid = $reader->query_safe('SELECT pg_backend_pid()');
	$reader->query_safe('BEGIN; SELECT count(*) FROM t');
	my ($ret, $out, $err) = $node->psql('postgres',
		q{CALL db_guard.run_with_retries('ALTER TABLE t ADD COLUMN note text', '40 ms', 3, '10 ms', '10 ms')});
	like($err, qr/attempt 1 of 3: no lock within 10 ms; in the way: process $pid \(\Q$user\E/, 'first attempt');
	like($err, qr/attempt 3 of 3: no lock within 40 ms/, 'last attempt, the longest');
	like($err, qr/ERROR:  no lock was obtained in 3 attempts\n.*DETAIL:  In the way: process $pid/s, 'the end');
	my $migration = session();
	$migration->query_until(qr/begun/, "\\echo begun\n" . q{CALL db_guard.run_with_retries('ALTER TABLE t ADD COLUMN note text', '40 ms', 1000, '10 ms', '10 ms');} . "\n");
	my $worker = $migration;
	wait_until(q{count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL db_guard.run_with_retries%' AND state = 'active'});
	$reader->query_safe('COMMIT');
	wait_until(q{count(*) = 1 FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'note'});
	pass('done when the reader has gone');
	$_->quit foreach $reader, $migration;
};

subtest 'a lease has one holder, and a stale token writes nothing' => sub {
	my $writer = session();
	my $token = $writer->query_safe(q{SELECT db_guard.acquire_lease('leader', '1 hour')});
	$writer->query_safe("BEGIN; SELECT db_guard.check_lease('leader', $token)");
	my $other = session();
	my $pid = $other->query_safe('SELECT pg_backend_pid()');
	# Expired, as it were; the take-over has to wait for the transaction that has checked.
	my $forced = answer(q{SELECT 1});
	$other->query_until(qr/begun/, "\\echo begun\nUPDATE db_guard.leases SET expires_at = now() WHERE name = 'leader'; SELECT db_guard.acquire_lease('leader', '1 hour');\n");
	wait_until("count(*) > 0 FROM pg_locks WHERE pid = $pid AND NOT granted");
	$writer->query_safe('INSERT INTO t VALUES (5000); COMMIT');
	wait_until(q{token = 2 FROM db_guard.leases WHERE name = 'leader'});
	my ($ret, $out, $err) = $node->psql('postgres', "BEGIN; SELECT db_guard.check_lease('leader', $token)");
	like($err, qr/token 1 of lease "leader" is not valid any more/, 'the old holder is stopped');
	$_->quit foreach $writer, $other;
	my $accepted = answer(<<'SQL');
DO $$
DECLARE accepted int := 0; old bigint; new bigint;
BEGIN
  FOR i IN 1 .. 2000 LOOP
    old := db_guard.acquire_lease('forced', '1 hour');
    UPDATE db_guard.leases SET expires_at = clock_timestamp() WHERE name = 'forced';
    new := db_guard.acquire_lease('forced', '1 hour');
    IF new <> old + 1 THEN RAISE 'token % after %', new, old; END IF;
    BEGIN
      PERFORM db_guard.check_lease('forced', old);
      accepted := accepted + 1;
    EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL;
    END;
    PERFORM db_guard.release_lease('forced', new);
  END LOOP;
  IF accepted > 0 THEN RAISE '% stale tokens accepted', accepted; END IF;
END $$;
SELECT token FROM db_guard.leases WHERE name = 'forced';
SQL
	is($accepted, 4000, 'two thousand forced expiries, no stale token accepted');
};

subtest 'a million names' => sub {
	is(answer(q{SELECT count(DISTINCT db_guard.lock_key('customer/' || g)) FROM generate_series(1, 1000000) g}), 1000000, 'no two share a key');
};

subtest 'dump and restore' => sub {
	my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
	$node->safe_psql('postgres', q{SELECT db_guard.lock('kept')});
	$node->safe_psql('postgres', 'CREATE TABLE done (id int PRIMARY KEY, n int); INSERT INTO done VALUES (1)');
	$node->psql('postgres', q{CALL db_guard.batch_update('done', 'n = 1')});
	system_or_bail('pg_dump', '-f', $file, $node->connstr('postgres'));
	answer('CREATE DATABASE restored');
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('restored') ], 'restored');
	is($node->safe_psql('restored', q{SELECT count(*) FROM db_guard.lock_names WHERE name = 'kept'}), 1, 'the names');
	is($node->safe_psql('restored', q{SELECT token FROM db_guard.leases WHERE name = 'forced'}), 4000, 'the tokens');
	is($node->safe_psql('restored', q{SELECT job, target, state FROM db_guard.batch_progress}), '1|done|done', 'the jobs');
	$node->psql('restored', q{CALL db_guard.batch_update('done', 'n = 2')});
	is($node->safe_psql('restored', q{SELECT max(job) FROM db_guard.batch_progress}), 2, 'the next job has the next number');
};

subtest 'on a standby' => sub {
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', q{SELECT db_guard.try_lock('kept'), db_guard.try_lock('unknown here')}), 't|t', 'locks work');
	is($standby->safe_psql('postgres', q{BEGIN; SELECT db_guard.lock('kept'); SELECT name FROM db_guard.held_locks}), "\nkept", 'and show their names');
	my ($ret, $out, $err) = $standby->psql('postgres', q{CALL db_guard.batch_update('done', 'n = 1')});
	like($err, qr/batch_update changes rows, and this server is a standby/, 'batches are refused');
};

done_testing();
