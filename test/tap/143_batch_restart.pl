# Background jobs go on by themselves after a restart, a crash, and the death of the postmaster, where
# the library is preloaded; and nothing else does.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restart');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
max_worker_processes = 10
shared_preload_libraries = 'db_guard'
db_guard.mode = off
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
CREATE TABLE stock (id int PRIMARY KEY, n int DEFAULT 0, who text);
INSERT INTO stock SELECT generate_series(1, 2000);
CREATE ROLE clerk LOGIN;
GRANT SELECT, UPDATE ON stock TO clerk;
CREATE DATABASE elsewhere OWNER clerk;
SQL
# Looks like ours, and would run as whoever it names: 10 is the role that made the cluster.
$node->safe_psql('elsewhere', <<'SQL');
SET ROLE clerk;
CREATE SCHEMA db_guard;
CREATE TABLE db_guard.trace (who text);
CREATE TABLE db_guard.batch_jobs (job bigint, owner regrole, background boolean, state text, batches bigint, resumed_batches bigint, resumes int);
CREATE VIEW db_guard.batch_progress AS SELECT job, NULL::int AS pid FROM db_guard.batch_jobs;
CREATE PROCEDURE db_guard.batch_resume(job bigint) LANGUAGE sql AS 'INSERT INTO db_guard.trace VALUES (session_user)';
INSERT INTO db_guard.batch_jobs VALUES (1, '10', true, 'running', 1, 0, 0);
SQL

sub answer { return $node->safe_psql('postgres', $_[0]); }

sub wait_until
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition") or die "never: $condition";
	return;
}

# Every database has been looked into.
sub wait_for_launcher
{
	wait_until(q{count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'db_guard batch launcher' AND wait_event = 'Extension'});
	return;
}

sub start_job
{
	my $job = $node->safe_psql('postgres',
		q{SELECT db_guard.batch_start('update', 'stock', 'n = n + 1, who = session_user || ''/'' || current_user', NULL, 50, '50 ms', NULL)},
		extra_params => [ '-U', 'clerk' ]);
	wait_until("batches > 2 FROM db_guard.batch_jobs WHERE job = $job");
	return $job;
}

my $rounds = 0;

sub is_done_once
{
	my ($job, $after) = @_;
	$rounds++;
	answer("UPDATE db_guard.batch_jobs SET pause_ms = 0");
	wait_until("state = 'done' FROM db_guard.batch_progress WHERE job = $job");
	is(answer('SELECT min(n), max(n), min(who), max(who) FROM stock'), "$rounds|$rounds|clerk/clerk|clerk/clerk", "$after: it goes on as its owner, every row once");
	is(answer("SELECT resumes FROM db_guard.batch_jobs WHERE job = $job"), 1, "$after: resumed by the launcher");
	return;
}

wait_for_launcher();
my $job = start_job();
$node->restart;
is_done_once($job, 'a restart');

$job = start_job();
my $postmaster = $node->{_pid};
$node->kill9;
# The processes that it leaves end by themselves, and a new server does not start beside them.
1 while kill 0, $postmaster;
until ($node->start(fail_ok => 1)) { $node->{_pid} = undef; }
is_done_once($job, 'kill -9 of the postmaster');

$job = start_job();
kill 'KILL', answer("SELECT pid FROM db_guard.batch_progress WHERE job = $job");
wait_until("resumes = 1 FROM db_guard.batch_jobs WHERE job = $job");
is_done_once($job, 'kill -9 of its worker');

# What does not go on: cancelled jobs, those that three restarts have not got on, jobs of a session.
my $cancelled = start_job();
answer("SELECT db_guard.batch_cancel($cancelled)");
wait_until("state = 'cancelled' AND pid IS NULL FROM db_guard.batch_progress WHERE job = $cancelled");
my $stuck = start_job();
my $session = start_job();
$node->stop;
$node->append_conf('postgresql.conf', 'db_guard.resume_batch_jobs = off');
$node->start;
wait_for_launcher();
is(answer("SELECT state FROM db_guard.batch_progress WHERE job = $stuck"), 'interrupted', 'switched off, nothing goes on');
answer("UPDATE db_guard.batch_jobs SET resumes = 3, resumed_batches = batches WHERE job = $stuck");
answer("UPDATE db_guard.batch_jobs SET background = false WHERE job = $session");
$node->append_conf('postgresql.conf', 'db_guard.resume_batch_jobs = on');
$node->restart;
wait_for_launcher();
is(answer("SELECT string_agg(resumes::text, ' ' ORDER BY job) FROM db_guard.batch_jobs WHERE job IN ($cancelled, $stuck, $session)"),
	'0 3 0', 'cancelled, without progress three times, of a session: left alone');
is($node->safe_psql('elsewhere', 'SELECT count(*) FROM db_guard.trace'), 0, 'a table that looks like ours starts nothing');

# With progress since, a job is resumed again.
answer("UPDATE db_guard.batch_jobs SET resumed_batches = batches - 1, pause_ms = 0 WHERE job = $stuck");
$node->restart;
wait_until("state = 'done' FROM db_guard.batch_progress WHERE job = $stuck");
is(answer("SELECT resumes FROM db_guard.batch_jobs WHERE job = $stuck"), 1, 'one that has got on is resumed');

done_testing();
