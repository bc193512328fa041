# The row audit on a subscriber, on a standby, under prepared transactions that survive a restart, and when
# time goes on: partitions made ahead, pruned, and seals that notice whatever was touched.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $difference = <<'SQL';
CREATE FUNCTION difference(name regclass, at timestamptz DEFAULT 'infinity') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
  surplus bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM %1$s x EXCEPT ALL SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, $1) x) d', name) INTO missing USING at;
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, $1) x EXCEPT ALL SELECT x::text FROM %1$s x) d', name) INTO surplus USING at;
  RETURN missing || '/' || surplus;
END $$;
SQL

my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nautovacuum = off\nmax_worker_processes = 12\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION db_guard; $difference");
sub answer { return $node->safe_psql('postgres', $_[0]); }

subtest 'trap: apply workers fire row triggers only: a subscriber records once what it applies' => sub {
	my $tables = 'CREATE TABLE kept (id int PRIMARY KEY, v text);
		CREATE TABLE parts (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
		CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);';
	answer("$tables INSERT INTO kept VALUES (0, 'copied at first');");
	my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
	$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$subscriber->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 12\n");
	$subscriber->start;
	$subscriber->safe_psql('postgres', "CREATE EXTENSION db_guard; $difference $tables
		SELECT db_guard.enable_audit('kept'), db_guard.enable_audit('parts');");
	answer('CREATE PUBLICATION p FOR ALL TABLES WITH (publish_via_partition_root = true)') ;
	my $from = $node->connstr . ' dbname=postgres';
	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$from' PUBLICATION p");
	$subscriber->wait_for_subscription_sync($node, 's');
	answer("INSERT INTO kept SELECT g, 'v' || g FROM generate_series(1, 5) g; UPDATE kept SET v = 'new' WHERE id < 3;
		UPDATE kept SET id = 50 WHERE id = 5; DELETE FROM kept WHERE id = 4;
		INSERT INTO parts VALUES (1, 1, 'a'), (2, 2, 'b'); UPDATE parts SET k = 2 WHERE id = 1; UPDATE parts SET v = 'c';");
	$node->wait_for_catchup('s');
	is($subscriber->safe_psql('postgres', "SELECT string_agg(op, ' ' ORDER BY audit_id) FROM db_guard.audit_entries('kept')"),
		'INSERT INSERT INSERT INSERT INSERT INSERT UPDATE UPDATE UPDATE UPDATE DELETE', 'every row once, the copied one too');
	is($subscriber->safe_psql('postgres', "SELECT difference('kept') || ' ' || difference('parts')"), '0/0 0/0', 'the log replays');
	answer('TRUNCATE kept');
	$node->wait_for_catchup('s');
	is($subscriber->safe_psql('postgres', "SELECT count(*) FILTER (WHERE old IS NOT NULL) FROM db_guard.audit_entries('kept') WHERE op = 'TRUNCATE'"),
		5, 'a TRUNCATE that is applied, with the rows that it removed');
	is($subscriber->safe_psql('postgres', "SELECT difference('kept')"), '0/0', 'the log replays');
	$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');
	$subscriber->stop;
	answer('SET db_guard.mode = off; DROP PUBLICATION p; DROP TABLE kept, parts');
};

subtest 'a prepared transaction outlives a restart' => sub {
	answer("CREATE TABLE prepared (id int PRIMARY KEY, v int); SELECT db_guard.enable_audit('prepared');
		INSERT INTO prepared VALUES (1, 1), (2, 2);");
	answer("BEGIN; UPDATE prepared SET v = 10 WHERE id = 1; PREPARE TRANSACTION 'kept';");
	answer("BEGIN; UPDATE prepared SET v = 20 WHERE id = 2; PREPARE TRANSACTION 'lost';");
	$node->stop('immediate');
	$node->start;
	is(answer("SELECT difference('prepared')"), '0/0', 'while they wait');
	answer("COMMIT PREPARED 'kept'");
	answer("ROLLBACK PREPARED 'lost'");
	answer('UPDATE prepared SET v = v + 1');
	is(answer("SELECT difference('prepared')"), '0/0', 'after it');
	is(answer("SELECT count(*) FROM db_guard.audit_entries('prepared') WHERE committed_at IS NULL"), 0,
		'their rows in the log say who it was');
};

subtest 'a standby reads the log' => sub {
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT difference('prepared')"), '0/0', 'and folds it');
	# It takes over: numbers go on where they were.
	$standby->promote;
	$standby->safe_psql('postgres', 'UPDATE prepared SET v = v + 1');
	is($standby->safe_psql('postgres', "SELECT difference('prepared')"), '0/0', 'and writes it when promoted');
	is($standby->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT audit_id) FROM db_guard.audit_event'), 0, 'no number twice');
	$standby->stop;
};

# Statistics from before the table was audited say that it has no events: the control shows what comes of it.
subtest 'a table that is new to the planner is not read by a nested loop' => sub {
	answer(q{CREATE TABLE known (id int); SELECT db_guard.enable_audit('known'); INSERT INTO known SELECT generate_series(1, 20000)});
	answer('ANALYZE db_guard.audit_event, db_guard.audit_transaction');
	answer(q{CREATE TABLE fresh (id int); SELECT db_guard.enable_audit('fresh'); INSERT INTO fresh SELECT generate_series(1, 20000)});
	my $explained = sub {
		my ($err) = ('');
		$node->psql('postgres', "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
			SET auto_explain.log_level = notice; $_[0]", stderr => \$err);
		return $err;
	};
	my $id = answer(q{SELECT table_id FROM db_guard.audited_table WHERE table_name = 'fresh'});
	like($explained->("SELECT FROM db_guard.audit_event e LEFT JOIN db_guard.audit_transaction t ON t.id = e.transaction WHERE e.table_id = $id"),
		qr/Nested Loop/, 'it would be');
	foreach my $call (q{audit_as_of(NULL::fresh, 'infinity')}, q{audit_entries('fresh')}, q{audit_history('fresh', '{"id": 1}')}, 'seal_audit()')
	{
		my $plans = $explained->("BEGIN; SELECT count(*) FROM db_guard.$call; ROLLBACK");
		like($plans, qr/(?:Hash|Merge) (?:\w+ )?Join/, "$call: joins");
		unlike($plans, qr/Nested Loop[^\n]*\n(?:(?!Query Text).)*audit_event/s, 'and not by a nested loop');
	}
};

# 8 MB is what its ranges hold.
subtest 'what is about one transaction reads little of the log' => sub {
	answer(q{CREATE TABLE wide (id int PRIMARY KEY, v int, pad text); SELECT db_guard.enable_audit('wide')});
	answer(q{INSERT INTO wide SELECT g, 0, repeat('x', 500) FROM generate_series(1, 80000) g});
	my $txid = answer('UPDATE wide SET v = 1 WHERE id = 7 RETURNING pg_current_xact_id()');
	answer('VACUUM ANALYZE db_guard.audit_event, db_guard.audit_transaction');
	my ($pages) = answer(q{SELECT sum(pg_relation_size(inhrelid)) / 8192 FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass});
	cmp_ok($pages, '>', 4 * 1024, 'the log has several ranges');
	my $plans = '';
	$node->psql('postgres', "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET auto_explain.log_analyze = on; SET auto_explain.log_level = notice; SELECT db_guard.revert_transaction('$txid')", stderr => \$plans);
	is(answer('SELECT v FROM wide WHERE id = 7'), 0, 'it is reverted');
	my ($read) = $plans =~ /Heap Scan on audit_event_\d+ e(?:(?!->).)*Heap Blocks: (?:exact=\d+ )?lossy=(\d+)/s;
	cmp_ok($read // $pages, '<', 2 * 1024, 'and less than two of them are read');
};

subtest 'trap: who began first commits last: the time is that of the commit' => sub {
	my $early = $node->background_psql('postgres');
	$early->query_safe('BEGIN; SELECT now(); INSERT INTO prepared VALUES (9001, 1)');
	answer('UPDATE prepared SET v = 8 WHERE id = 1');
	$early->query_safe('UPDATE prepared SET v = 9 WHERE id = 1; COMMIT');
	$early->quit;
	is(answer("SELECT v FROM db_guard.audit_as_of(NULL::prepared, 'infinity') WHERE id = 1"), 9, 'the last that wrote counts');
	is(answer("SELECT difference('prepared')"), '0/0', 'the log replays');
	is(answer("SELECT string_agg(new ->> 'v', ' ' ORDER BY audit_id) FROM db_guard.audit_history('prepared', '{\"id\": 1}') WHERE new ->> 'v' IN ('8', '9')"),
		'8 9', 'in the order in which the row was changed');
	is(answer("SELECT count(*) FROM db_guard.audit_as_of(NULL::prepared, (SELECT max(committed_at) FROM db_guard.audit_entries('prepared') WHERE new ->> 'v' = '8' AND key = '{\"id\": 1}')) WHERE id = 9001"),
		0, 'and what was not committed then is not seen then');
};

subtest 'trap: an order by time, when the clock of the machine is ahead of what comes' => sub {
	# As after a clock that went back: the numbers go on from where they were.
	answer("SELECT setval('db_guard.audit_clock', last_value + 600 * 256000000::bigint) FROM db_guard.audit_clock");
	answer('UPDATE prepared SET v = 100 WHERE id = 1');
	answer('UPDATE prepared SET v = 200 WHERE id = 1');
	is(answer("SELECT difference('prepared')"), '0/0', 'the log replays');
	is(answer("SELECT string_agg(new ->> 'v', ' ' ORDER BY audit_id) FROM db_guard.audit_entries('prepared') WHERE at > now() + interval '5 minutes'"),
		'100 200', 'in order');
};

subtest 'partitions' => sub {
	is(answer("SELECT count(*) FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass"), 3, 'this month and two ahead');
	# Nobody has made the month that comes: who writes first in it does.
	answer("SELECT setval('db_guard.audit_clock', (SELECT max(substring(pg_get_expr(relpartbound, oid) FROM 'TO .''?([0-9]+)')::bigint)
		FROM pg_class WHERE relname LIKE 'audit\\_event\\_2%'))");
	answer('UPDATE prepared SET v = 300 WHERE id = 1');
	is(answer("SELECT difference('prepared')"), '0/0', 'written beyond the last partition');
	is(answer("SELECT count(*) >= 4 FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass"), 't', 'which has been made');
	$node->poll_query_until('postgres', "SELECT count(*) >= 4 FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass");
};

subtest 'trap: a chain that anybody can rewrite: seals notice what was touched' => sub {
	answer("INSERT INTO prepared SELECT g, g FROM generate_series(10, 200) g");
	my $first = answer('SELECT digest FROM db_guard.seal_audit()');
	answer("UPDATE prepared SET v = 5 WHERE id = 10");
	my $anchor = answer('SELECT digest FROM db_guard.seal_audit()');
	is(answer("SELECT string_agg(state, ' ') FROM db_guard.verify_audit('$anchor')"), 'ok ok', 'nobody has touched it');
	my %attempts = (
		'an image changed' => 'UPDATE db_guard.audit_event SET payload = set_byte(payload, length(payload) - 1, 7) WHERE audit_id = (SELECT min(audit_id) FROM db_guard.audit_event)',
		'an event removed' => 'DELETE FROM db_guard.audit_event WHERE audit_id = (SELECT max(audit_id) FROM db_guard.audit_event)',
		'an event added' => 'INSERT INTO db_guard.audit_event SELECT audit_id + 1, transaction, table_id, op, payload FROM db_guard.audit_event ORDER BY audit_id LIMIT 1',
		'an event of no transaction' => 'INSERT INTO db_guard.audit_event SELECT audit_id + 1, transaction + 1, table_id, op, payload FROM db_guard.audit_event ORDER BY audit_id LIMIT 1',
		'two numbers exchanged' => 'UPDATE db_guard.audit_event SET audit_id = CASE rank WHEN 1 THEN high ELSE low END FROM (SELECT e.ctid AS place, e.tableoid AS part, rank() OVER (ORDER BY audit_id), min(audit_id) OVER () AS low, max(audit_id) OVER () AS high FROM (SELECT *, ctid, tableoid FROM db_guard.audit_event ORDER BY audit_id LIMIT 2) e) x WHERE ctid = x.place AND tableoid = x.part',
		'the log emptied' => 'TRUNCATE db_guard.audit_event',
		'another actor' => "UPDATE db_guard.audit_transaction SET role_name = 'somebody' WHERE id = (SELECT min(id) FROM db_guard.audit_transaction)",
		'a seal replaced' => "UPDATE db_guard.audit_seal SET digest = '\\x00' WHERE seal_id = 1",
		'a seal removed' => 'DELETE FROM db_guard.audit_seal WHERE seal_id = 1',
		'the end cut off' => 'DELETE FROM db_guard.audit_seal WHERE seal_id = 2');
	for my $attempt (sort keys %attempts)
	{
		isnt(answer("BEGIN; $attempts{$attempt}; SELECT string_agg(state, ' ') FROM db_guard.verify_audit('$anchor'); ROLLBACK;"),
			'ok ok', $attempt);
	}
};

subtest 'trap: a chain that forks: two who seal at once' => sub {
	my $seals = answer('SELECT count(*) FROM db_guard.audit_seal');
	answer('UPDATE prepared SET v = 6 WHERE id = 10');
	my $first = $node->background_psql('postgres');
	$first->query_safe('BEGIN; SELECT db_guard.seal_audit()');
	my $second = $node->background_psql('postgres');
	my $pid = $second->query_safe('SELECT pg_backend_pid()');
	$second->query_until(qr/started/, "\\echo started\nSELECT db_guard.seal_audit();\n");
	$node->poll_query_until('postgres', "SELECT cardinality(pg_blocking_pids($pid)) > 0") or die 'nobody waits';
	answer('UPDATE prepared SET v = 7 WHERE id = 10');
	$first->query_safe('COMMIT');
	$_->quit for $first, $second;
	is(answer('SELECT count(*) FROM db_guard.audit_seal') - $seals, 2, 'both have sealed, one behind the other');
	is(answer("SELECT string_agg(DISTINCT state, ' ') FROM db_guard.verify_audit()"), 'ok', 'and each a part of its own');
};

subtest 'pruning' => sub {
	is(answer("SELECT db_guard.prune_audit('100 years')"), 0, 'nothing is that old');
	my $before = answer('SELECT count(*) FROM db_guard.audit_event');
	# As if months had passed: the first partition ends before this very moment.
	answer("SELECT setval('db_guard.audit_clock', last_value) FROM db_guard.audit_clock");
	is(answer("SELECT db_guard.prune_audit('0 days')"), 0, 'the partition of this month stays');
	is(answer('SELECT count(*) FROM db_guard.audit_event'), $before, 'with its events');
	answer("CREATE TABLE db_guard.audit_event_past (LIKE db_guard.audit_event); ALTER TABLE db_guard.audit_event ATTACH PARTITION db_guard.audit_event_past FOR VALUES FROM (0) TO (1000);
		INSERT INTO db_guard.audit_event VALUES (5, 5, 1, 'I', '');");
	is(answer("SELECT db_guard.prune_audit('1 year')"), 1, 'one of long ago goes');
	is(answer('SELECT count(*) FROM db_guard.audit_event'), $before, 'with its event');
	is(answer("SELECT string_agg(DISTINCT state, ' ') FROM db_guard.verify_audit()"), 'ok', 'the seals of the others hold');
	is(answer("SELECT difference('prepared')"), '0/0', 'the log replays');
};

$node->stop;
done_testing();
