# What a batch job waits for, and what it holds meanwhile: locked rows and tables, replicas, other
# sessions' waits, a query; cancelling, losing the client, errors in the middle.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('waits');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
autovacuum = off
max_worker_processes = 16
client_connection_check_interval = 100
db_guard.mode = off
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
CREATE TABLE stock (id int PRIMARY KEY, n int DEFAULT 0);
INSERT INTO stock SELECT generate_series(1, 3000);
CREATE VIEW last_job AS SELECT * FROM db_guard.batch_progress ORDER BY job DESC LIMIT 1;
SQL

sub answer { return $node->safe_psql('postgres', $_[0]); }
sub session { return $node->background_psql('postgres', on_error_stop => 0); }
sub start { my ($session, $sql) = @_; $session->query_until(qr/begun/, "\\echo begun\n$sql;\n"); return; }

sub wait_until
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition") or die "never: $condition";
	return;
}

sub is_snapshotless
{
	my ($what) = @_;
	is(answer('SELECT a.backend_xmin IS NULL AND a.backend_xid IS NULL FROM pg_stat_activity a JOIN last_job USING (pid)'),
		't', "$what: holds no snapshot");
	is(answer('SELECT count(*) FROM pg_locks JOIN last_job USING (pid) WHERE relation = \'stock\'::regclass'), 0, "$what: holds no lock on the table");
	return;
}

sub fresh { answer('TRUNCATE stock; INSERT INTO stock SELECT generate_series(1, 3000)'); return; }

subtest 'locked rows are waited for at the end' => sub {
	my ($writer, $batch) = (session(), session());
	$writer->query_safe('BEGIN; UPDATE stock SET n = 100 WHERE id IN (7, 2999)');
	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 500, '0', NULL)});
	wait_until(q{waiting_for = 'rows that are locked' FROM last_job});
	is(answer('SELECT state, rows_done, locked_rows FROM last_job'), 'waiting|2998|2', 'the others are done');
	is_snapshotless('waiting for rows');
	$writer->query_safe('COMMIT');
	wait_until(q{state = 'done' FROM last_job});
	is(answer('SELECT n, count(*) FROM stock GROUP BY n ORDER BY n'), "1|2998\n101|2", 'on top of what the writer did');
	$_->quit foreach $writer, $batch;
};

subtest 'without a key, too' => sub {
	answer('CREATE TABLE heap (n int); INSERT INTO heap SELECT generate_series(1, 5000)');
	my ($writer, $batch) = (session(), session());
	foreach my $call (q{batch_update('heap', 'n = -n', 'n > 0', 500, '0', NULL)}, q{batch_delete('heap', NULL, 500, '0', NULL)})
	{
		$writer->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM heap WHERE abs(n) IN (7, 4999) FOR UPDATE) s');
		start($batch, "CALL db_guard.$call");
		wait_until(q{waiting_for = 'rows that are locked' FROM last_job});
		is(answer('SELECT rows_done FROM last_job'), 4998, "$call: the others are done");
		$writer->query_safe('COMMIT');
		wait_until(q{state = 'done' FROM last_job});
		is(answer('SELECT rows_done FROM last_job'), 5000, 'and these, too');
	}
	is(answer('SELECT count(*) FROM heap'), 0, 'all');
	$_->quit foreach $writer, $batch;
};

# A stride remembers where the rows of a window lie. It is stopped in the middle of one.
subtest 'rows that have left their places, and others that have come to them' => sub {
	answer('CREATE TABLE gate (closed boolean); CREATE TABLE walked (id int PRIMARY KEY, n int DEFAULT 0, pad text)');
	my %meanwhile = (
		'places are free and taken' => q{
			DELETE FROM walked WHERE id % 14 = 0;
			VACUUM walked;
			INSERT INTO walked SELECT id + 1, 0, pad FROM walked WHERE id % 6 = 0;},
		'rows move' => q{
			UPDATE walked SET pad = pad || repeat('y', 300) WHERE id % 10 = 4;
			VACUUM walked;
			UPDATE walked SET pad = 'short' WHERE id % 22 = 4;
			UPDATE walked SET pad = 'again' WHERE id % 22 = 4;},
		'the table is written anew' => q{
			DELETE FROM walked WHERE id % 14 = 0;
			VACUUM FULL walked;},
		'a row is locked, another is being changed in vain' => q{
			BEGIN;
			UPDATE walked SET pad = 'in vain' WHERE id % 10 = 4;
			ROLLBACK;},
		'the end is cut off' => q{
			DELETE FROM walked WHERE id > 6000;
			VACUUM walked;});
	foreach my $what (sort keys %meanwhile)
	{
		answer(q{TRUNCATE walked, gate; INSERT INTO gate VALUES (true)});
		answer(q{INSERT INTO walked SELECT 2 * g, 0, repeat('x', 60) FROM generate_series(1, 9000) g});
		answer('ANALYZE walked');
		my $batch = session();
		start($batch, q{CALL db_guard.batch_update('walked', 'n = n + 1', NULL, 300, '0', NULL, 'stride', wait_while =>
			'(SELECT closed AND (SELECT count(*) FROM walked WHERE n > 0) >= 2000 FROM gate)')});
		wait_until(q{waiting_for LIKE 'wait_while%' FROM last_job});
		is(answer('SELECT walk, passes FROM db_guard.batch_jobs ORDER BY job DESC LIMIT 1'), 'stride|11', "$what: in a stride");
		# Each by itself, as VACUUM wants it.
		my $other = session();
		$other->query_safe($_) foreach grep { /\S/ } split /;/, $meanwhile{$what};
		$other->quit;
		answer('UPDATE gate SET closed = false');
		wait_until(q{state = 'done' FROM last_job});
		is(answer('SELECT n, count(*) > 0 FROM walked WHERE id % 2 = 0 GROUP BY n'), '1|t', "$what: each row once");
		is(answer('SELECT count(*) FROM walked WHERE n > 1'), 0, "$what: none twice");
		$batch->quit;
	}
	answer('DROP TABLE walked, gate');
};

# Between the look at the places and the change itself: the statement is stopped where it has its snapshot and
# no row yet. A row that is deleted and put in again by then is the one that has to be changed. The trigger polls,
# for a batch waits for no lock any longer than its lock_timeout of milliseconds.
subtest 'rows that go and come while a batch runs' => sub {
	answer(q{CREATE TABLE steps (step text); CREATE TABLE walked (id int PRIMARY KEY, n int DEFAULT 0, pad text)});
	answer(q{INSERT INTO walked SELECT g, 0, repeat('x', 60) FROM generate_series(1, 9000) g});
	answer(<<'SQL');
ANALYZE walked;
CREATE FUNCTION wait_for_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WHILE (SELECT count(*) FROM steps) = 0 LOOP PERFORM pg_sleep(0.01); END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER wait_for_step BEFORE UPDATE ON walked FOR EACH STATEMENT EXECUTE FUNCTION wait_for_step();
SQL
	my $batch = session();
	start($batch, q{CALL db_guard.batch_update('walked', 'n = n + 1', NULL, 300, '0', NULL, 'stride')});
	wait_until(q{count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE 'CALL%'});
	answer(q{DELETE FROM walked WHERE id % 10 < 3;
		INSERT INTO walked SELECT g, 0, 'again' FROM generate_series(1, 9000) g WHERE g % 10 < 3});
	answer(q{INSERT INTO steps VALUES ('go on')});
	wait_until(q{state = 'done' FROM last_job});
	is(answer('SELECT n, count(*) FROM walked GROUP BY n'), '1|9000', 'each of them once');
	$batch->quit;
	answer('DROP TABLE walked, steps');
};

subtest 'a locked table is waited for without standing in its queue' => sub {
	fresh();
	my ($ddl, $batch) = (session(), session());
	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 50, '10 ms', NULL)});
	wait_until(q{batches > 1 FROM last_job});
	# Granted between two batches.
	$ddl->query_safe('BEGIN; LOCK TABLE stock IN SHARE MODE');
	wait_until(q{waiting_for = 'a lock on the table' FROM last_job});
	is_snapshotless('waiting for the table');
	$node->safe_psql('postgres', 'BEGIN; LOCK TABLE stock IN SHARE MODE NOWAIT; COMMIT');
	pass('others get it meanwhile');
	$ddl->query_safe('COMMIT');
	wait_until(q{state = 'done' FROM last_job});
	is(answer('SELECT min(n), max(n) FROM stock'), '1|1', 'done');
	$_->quit foreach $ddl, $batch;
};

subtest 'a query, waiting sessions, the rate of WAL' => sub {
	fresh();
	answer('CREATE TABLE brake (on_off boolean); INSERT INTO brake VALUES (true)');
	my $batch = session();
	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 500, '0', NULL, wait_while => '(SELECT on_off FROM brake)')});
	wait_until(q{waiting_for = 'wait_while: (SELECT on_off FROM brake)' FROM last_job});
	is(answer('SELECT rows_done FROM last_job'), 0, 'nothing done before');
	is_snapshotless('waiting for the query');
	answer('UPDATE brake SET on_off = NULL');
	is(answer('SELECT state FROM last_job'), 'waiting', 'what is not known is a reason to wait');
	answer('UPDATE brake SET on_off = false');
	wait_until(q{state = 'done' FROM last_job});

	my ($holder, $waiter) = (session(), session());
	$holder->query_safe('BEGIN; SELECT pg_advisory_xact_lock(1)');
	start($waiter, 'SELECT pg_advisory_xact_lock(1)');
	wait_until('count(*) = 1 FROM pg_locks WHERE NOT granted');
	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 500, '0', NULL, max_lock_waiters => 0)});
	wait_until(q{waiting_for LIKE '1 sessions that wait for locks%' FROM last_job});
	$holder->query_safe('COMMIT');
	wait_until(q{state = 'done' FROM last_job});

	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 500, '0', NULL, max_wal_rate => 100)});
	wait_until(q{waiting_for = 'max_wal_rate' FROM last_job});
	is(answer('SELECT rows_done FROM last_job'), 500, 'one batch, and then its price');
	is_snapshotless('waiting for the rate');
	is(answer('SELECT db_guard.batch_cancel(job) FROM last_job'), 't', 'cancelled while it sleeps');
	wait_until(q{state = 'cancelled' FROM last_job});
	$_->quit foreach $batch, $holder, $waiter;
};

subtest 'replicas' => sub {
	fresh();
	my ($ret, $out, $err);
	my $batch = session();
	start($batch, q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 100, '0', NULL, max_replica_lag => 1000000)});
	wait_until(q{waiting_for = 'a replica: none is connected, so its lag is not known' FROM last_job});
	is(answer('SELECT rows_done FROM last_job'), 0, 'an unknown lag is none to go on with');
	$node->backup('base');
	my @standby;
	foreach my $name (qw(first second))
	{
		my $standby = PostgreSQL::Test::Cluster->new($name);
		$standby->init_from_backup($node, 'base', has_streaming => 1);
		$standby->start;
		push @standby, $standby;
	}
	wait_until(q{state = 'done' FROM last_job});
	$node->wait_for_catchup($_) foreach @standby;
	pass('with both replicas near it goes on');

	# One replica stands still: its lag may be exceeded by one batch, not by more.
	my $limit = 20000;
	$standby[1]->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	$standby[1]->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
	start($batch, qq{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 50, '0', NULL, max_replica_lag => $limit)});
	wait_until(q{waiting_for LIKE 'replica second: it is % of WAL behind%' FROM last_job});
	my ($done, $batches) = split /\|/, answer('SELECT rows_done, batches FROM last_job');
	cmp_ok($done, '>', 0, "went on for $batches batches");
	cmp_ok($done, '<', 3000, 'and stopped');
	is_snapshotless('waiting for the replica');
	my $lag = answer(q{SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), replay_lsn)::bigint FROM pg_stat_replication WHERE application_name = 'second'});
	# A batch of 50 rows and the row of the job write far less than this; two full-page images more.
	cmp_ok($lag, '<', $limit + 60000, "lag of $lag bytes: not more than a batch beyond $limit");
	$standby[1]->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	wait_until(q{state = 'done' FROM last_job});
	is(answer('SELECT min(n), max(n) FROM stock'), '2|2', 'and done when it has caught up');
	$_->stop foreach @standby;
	$batch->quit;
};

subtest 'stopping, and going on' => sub {
	fresh();
	my $batch = session();
	my $pid = $batch->query_safe('SELECT pg_backend_pid()');
	my $call = q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 100, '20 ms', NULL)};
	my $resume = sub {
		my $job = answer('SELECT job FROM last_job');
		answer('UPDATE db_guard.batch_jobs SET pause_ms = 0');
		answer("CALL db_guard.batch_resume($job)");
		is(answer('SELECT min(n), max(n) FROM stock'), '1|1', "$_[0]: every row once");
		fresh();
	};
	start($batch, $call);
	wait_until(q{batches > 2 FROM last_job});
	is(answer('SELECT pg_cancel_backend(pid) FROM last_job'), 't', 'a cancel of the statement');
	wait_until(q{state = 'cancelled' FROM last_job});
	is(answer('SELECT last_error FROM last_job'), 'canceling statement due to user request', 'is noted');
	$resume->('statement cancelled');

	start($batch, $call);
	wait_until(q{batches > 2 FROM last_job});
	# A cancel in a transaction that stays open takes effect when it commits, and blocks nobody.
	my $slow = session();
	$slow->query_safe('BEGIN; SELECT db_guard.batch_cancel(job) FROM last_job');
	my $seen = answer('SELECT batches FROM last_job');
	wait_until("batches > $seen FROM last_job");
	$slow->query_safe('COMMIT');
	wait_until(q{state = 'cancelled' FROM last_job});
	$resume->('job cancelled');

	start($batch, $call);
	wait_until(q{batches > 2 FROM last_job});
	$batch->{run}->kill_kill;
	wait_until(q{pid IS NULL FROM last_job});
	like(answer('SELECT state FROM last_job'), qr/^(?:interrupted|cancelled|failed)$/, 'the client is lost');
	$resume->('client lost');

	answer(<<'SQL');
CREATE FUNCTION sometimes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id = 1234 AND EXISTS (SELECT FROM brake) THEN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sometimes BEFORE UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION sometimes();
SQL
	my ($ret, $out, $err) = $node->psql('postgres', q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 100, '0', NULL)});
	like($err, qr/ERROR:  could not extend file/, 'an error in the middle');
	is(answer('SELECT state, rows_done FROM last_job'), 'failed|1200', 'what came before is kept');
	answer('TRUNCATE brake');
	$resume->('disk full');
	answer('DROP TRIGGER sometimes ON stock');

	# Serialization failures come and go.
	($ret, $out, $err) = $node->psql('postgres', q{SET default_transaction_isolation = 'serializable';
		CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 100, '0', NULL)});
	is(answer('SELECT state FROM last_job'), 'done', 'in serializable transactions');
	is(answer('SELECT min(n), max(n) FROM stock'), '1|1', 'every row once');
};

subtest 'a deferred constraint fails at the commit of a batch' => sub {
	fresh();
	answer(<<'SQL');
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id = 777 AND NEW.n = 1 THEN RAISE EXCEPTION 'not this one'; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON stock DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit();
SQL
	my ($ret, $out, $err) = $node->psql('postgres', q{CALL db_guard.batch_update('stock', 'n = n + 1', NULL, 100, '0', NULL)});
	like($err, qr/ERROR:  not this one/, 'the error arrives');
	is(answer('SELECT state, rows_done, last_error FROM last_job'), 'failed|700|not this one', 'and the job says so');
	is(answer('SELECT count(*) FROM stock WHERE n = 1'), 700, 'as do the rows');
	answer('DROP TRIGGER at_commit ON stock');
	answer('SELECT 1');
	my $job = answer('SELECT job FROM last_job');
	answer("CALL db_guard.batch_resume($job)");
	is(answer('SELECT min(n), max(n) FROM stock'), '1|1', 'every row once');
};

done_testing();
