# Batches through crashes: kill -9 at random points while other sessions write. No row is missed, none
# changed twice, and at most one batch is lost each time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $enough_kills = $ENV{KILLS} || 20;
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

# The answer to a query as soon as there is one: asks until the server, which may be restarting, answers
# with a row.
sub first_answer
{
	my ($sql) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		# psql may be gone before it has read the query, which IPC::Run dies of.
		my ($ret, $out) = eval { $node->psql('postgres', $sql) };
		return $out if defined $ret && $ret == 0 && $out ne '';
	}
	die "no answer to: $sql";
}

sub wait_for_server { return first_answer('SELECT 1'); }

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
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>&1');
}

sub job { return answer('SELECT max(job) FROM db_guard.batch_jobs'); }

# Runs one job to its end, whatever befalls it; returns how often it was killed, and how often what the
# job's row says was not what the table holds.
sub run_job
{
	my ($kind, $most_kills) = @_;
	my $set = $kind eq 'keyless' ? 'hits = 1' : 'hits = hits + 1';
	my $where = $kind eq 'keyless' ? q{'hits IS NULL'} : 'NULL';
	my $walk = $kind eq 'keyless' ? 'auto' : $kind eq 'partitioned' ? 'stride' : $kind;
	my $before = answer('SELECT coalesce(max(job), 0) FROM db_guard.batch_jobs');
	my $call = "CALL db_guard.batch_update('t', '$set', $where, 50, '1 ms', NULL, '$walk')";
	my ($kills, $lost, $batches, $id) = (0, 0, 0, 0);
	while (1)
	{
		my $writers = start_writers(PostgreSQL::Test::Utils::tempdir() . '/writer');
		my ($out, $err) = ('', '');
		my $client = IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $call ], '>', \$out, '2>', \$err);
		if ($kills < $most_kills)
		{
			my $goal = $batches + 1 + int(rand(12));
			my $pid = first_answer("SELECT coalesce(pid, 0) FROM db_guard.batch_progress
			  WHERE job > $before AND (batches >= $goal AND pid IS NOT NULL OR state = 'done')");
			# Not a wait for anything: where in its batch the job is hit is left to chance.
			usleep(int(rand(3000)));
			$kills += kill 'KILL', $pid if $pid;
		}
		$client->finish;
		$writers->kill_kill;
		# What is committed is what the row of the job says: batch and row share a transaction.
		($id, my $state, $batches, my $noted, my $real) = split /\|/, first_answer(
			"SELECT job, state, batches, rows_done, (SELECT coalesce(sum(hits), 0) FROM t)
			   FROM db_guard.batch_progress WHERE job > $before AND state NOT IN ('running', 'waiting')");
		die "$state: $err" unless $state =~ /^(?:interrupted|done)$/;
		$lost++ if $noted != $real;
		return ($kills, $lost) if $state eq 'done';
		$call = "CALL db_guard.batch_resume($id)";
	}
}

foreach my $kind (qw(stride keyset partitioned keyless))
{
	# A quick machine ends a job before it is killed often enough.
	my ($kills, $lost, $wrong, $moves) = (0, 0, 0, 0);
	while ($kills < $enough_kills)
	{
		make_table($kind);
		my ($job_kills, $job_lost) = run_job($kind, $enough_kills - $kills);
		$kills += $job_kills;
		$lost += $job_lost;
		$wrong++ if answer('SELECT count(*) FILTER (WHERE hits IS DISTINCT FROM 1), count(*) FROM t') ne "0|$rows";
		$moves += answer('SELECT sum(moves) FROM t');
	}
	is($lost, 0, "$kind: rows and the row of the job agree after each of $kills kills");
	is($wrong, 0, "$kind: no row missed, none changed twice");
	cmp_ok($moves, '>', 0, "$kind: the writers wrote");
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
