# Batches through crashes: kill -9 at random points while other sessions write. No row is missed, none
# changed twice, and at most one batch is lost each time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $kills = $ENV{KILLS} || 5;
# Printed, so that a failure can be had again.
my $seed = $ENV{SEED} || time;
srand($seed);
note("SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
autovacuum_naptime = 1s
max_worker_processes = 16
db_guard.mode = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard');

sub answer { return $node->safe_psql('postgres', $_[0]); }

sub wait_for_server
{
	foreach my $try (1 .. 600)
	{
		my ($ret) = $node->psql('postgres', 'SELECT 1');
		return if $ret == 0;
		usleep(100_000);
	}
	die 'the server did not come back';
}

# `hits` counts what the job did to a row, `moves` what the writers did; they move rows on disk by
# making them wider.
my %shape = (
	stride => 'id int PRIMARY KEY, hits int NOT NULL DEFAULT 0, moves int NOT NULL DEFAULT 0, pad text',
	keyset => 'id int PRIMARY KEY, hits int NOT NULL DEFAULT 0, moves int NOT NULL DEFAULT 0, pad text',
	partitioned => 'id int PRIMARY KEY, hits int NOT NULL DEFAULT 0, moves int NOT NULL DEFAULT 0, pad text',
	keyless => 'id int, hits int, moves int NOT NULL DEFAULT 0, pad text',
);
my $rows = 40_000;

sub make_table
{
	my ($kind) = @_;
	my $by = $kind eq 'partitioned' ? 'PARTITION BY HASH (id)' : '';
	answer("DROP TABLE IF EXISTS t; CREATE TABLE t ($shape{$kind}) $by");
	if ($kind eq 'partitioned')
	{
		answer("CREATE TABLE t_$_ PARTITION OF t FOR VALUES WITH (MODULUS 3, REMAINDER $_)") foreach 0 .. 2;
	}
	answer("INSERT INTO t SELECT g, " . ($kind eq 'keyless' ? 'NULL' : '0') . ", 0, repeat('x', 60) FROM generate_series(1, $rows) g");
	answer('CREATE INDEX ON t (hits)') if $kind eq 'keyset';
	# For the writers' look-ups; of no use to the walk.
	answer('CREATE INDEX ON t (id)') if $kind eq 'keyless';
	answer('ANALYZE t');
	return;
}

sub start_writers
{
	my ($stop) = @_;
	PostgreSQL::Test::Utils::append_to_file("$stop.sql", <<"SQL") unless -e "$stop.sql";
\\set id random(1, $rows)
UPDATE t SET moves = moves + 1, pad = pad || 'y' WHERE id = :id;
SQL
	my $out = '';
	return IPC::Run::start(
		[ 'pgbench', '-n', '-c', 2, '-j', 1, '-T', 300, '-f', "$stop.sql",
			'-h', $node->host, '-p', $node->port, '-U', 'postgres', 'postgres' ],
		'>', \$out, '2>&1');
}

sub job { return answer('SELECT max(job) FROM db_guard.batch_jobs'); }

foreach my $kind (qw(stride keyset partitioned keyless))
{
	make_table($kind);
	my $set = $kind eq 'keyless' ? 'hits = 1' : 'hits = hits + 1';
	my $where = $kind eq 'keyless' ? q{'hits IS NULL'} : 'NULL';
	my $walk = $kind eq 'keyless' ? 'auto' : $kind eq 'partitioned' ? 'stride' : $kind;
	my $before = answer('SELECT coalesce(max(job), 0) FROM db_guard.batch_jobs');
	my $call = "CALL db_guard.batch_update('t', '$set', $where, 100, '1 ms', NULL, '$walk')";
	my ($done, $crashes, $lost) = (0, 0, 0);
	while (!$done)
	{
		my $writers = start_writers(PostgreSQL::Test::Utils::tempdir() . '/writer');
		my ($out, $err) = ('', '');
		my $client = IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $call ], '>', \$out, '2>', \$err);
		if ($crashes < $kills)
		{
			my $goal = 1 + int(rand(20));
			my $start = answer("SELECT coalesce(max(batches), 0) FROM db_guard.batch_jobs WHERE job > $before");
			$node->poll_query_until('postgres',
				"SELECT coalesce(max(batches), 0) >= $start + $goal OR max(state) = 'done' FROM db_guard.batch_jobs WHERE job > $before")
			  or die 'the job does not get on';
			usleep(int(rand(3000)));
			my $pid = answer("SELECT pid FROM db_guard.batch_progress WHERE job > $before AND pid IS NOT NULL");
			if ($pid)
			{
				kill 'KILL', $pid;
				$crashes++;
			}
		}
		$client->finish;
		$writers->kill_kill;
		wait_for_server();
		my $state = answer('SELECT state FROM db_guard.batch_progress WHERE job = ' . job());
		my ($noted, $real) = split /\|/, answer('SELECT (SELECT rows_done FROM db_guard.batch_jobs WHERE job = '
			. job() . '), (SELECT sum(hits) FROM t)');
		# What is committed is what the row of the job says: batch and row share a transaction.
		$lost++ if $noted != $real;
		like($state, qr/^(?:interrupted|done)$/, "$kind: state $state after " . ($err =~ /ERROR.*/ ? $& : 'the crash or the end')) or diag($err);
		$done = $state eq 'done';
		$call = 'CALL db_guard.batch_resume(' . job() . ')';
	}
	cmp_ok($crashes, '>', 0, "$kind: killed $crashes times");
	is($lost, 0, "$kind: rows and the row of the job agree after every crash");
	is(answer('SELECT count(*) FILTER (WHERE hits IS NULL OR hits = 0), count(*) FILTER (WHERE hits > 1), count(*) FROM t'),
		"0|0|$rows", "$kind: no row missed, none changed twice");
	cmp_ok(answer('SELECT sum(moves) FROM t'), '>', 0, "$kind: the writers wrote");
}

subtest 'one runner at a time, also after a crash' => sub {
	make_table('stride');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $before = job();
	$session->query_until(qr/begun/, "\\echo begun\nCALL db_guard.batch_update('t', 'hits = hits + 1', NULL, 10, '10 ms', NULL);\n");
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM db_guard.batch_progress WHERE job > $before AND batches > 1");
	my $job = job();
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL db_guard.batch_resume($job)");
	like($err, qr/ERROR:  55006: batch job $job is being run by another session/, 'refused while it runs');
	kill 'KILL', $pid;
	wait_for_server();
	eval { $session->quit };
	is(answer("SELECT state, pid IS NULL FROM db_guard.batch_progress WHERE job = $job"), 'interrupted|t', 'nobody runs it');
	answer('UPDATE db_guard.batch_jobs SET pause_ms = 0, target_ms = 50');
	answer("CALL db_guard.batch_resume($job)");
	is(answer('SELECT min(hits), max(hits) FROM t'), '1|1', 'resumed to the end');
};

done_testing();
