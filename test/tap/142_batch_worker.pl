# Batch jobs in the background: they outlive their client, run with its rights, and can be continued.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('worker');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
max_worker_processes = 10
db_guard.mode = off
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
CREATE TABLE stock (id int PRIMARY KEY, n int DEFAULT 0, who text);
INSERT INTO stock SELECT generate_series(1, 2000);
CREATE ROLE clerk LOGIN;
CREATE ROLE team;
GRANT team TO clerk;
GRANT SELECT, UPDATE ON stock TO clerk, team;
SQL

sub answer { return $node->safe_psql('postgres', $_[0]); }

sub wait_until
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition") or die "never: $condition";
	return;
}

sub as_clerk
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', 'clerk' ]);
	return ($out, $err);
}

my $update = q{db_guard.batch_start('update', 'stock', 'n = n + 1, who = session_user || ''/'' || current_user', pause => '0')};

# The client has gone by the time the job is done.
my ($job, $err) = as_clerk("SELECT $update");
is($err, '', 'started without a complaint');
wait_until("state = 'done' FROM db_guard.batch_progress WHERE job = $job");
is(answer('SELECT min(n), max(n), min(who), max(who) FROM stock'), '1|1|clerk/clerk|clerk/clerk', 'every row once, with the rights of the caller and no others');
is(answer("SELECT owner, background FROM db_guard.batch_jobs WHERE job = $job"), 'clerk|t', 'the job is the caller\'s');

# Rolled back, it was never there; in an open transaction it waits.
my $open = $node->background_psql('postgres', on_error_stop => 0);
my $rolled_back = $open->query_safe("BEGIN; SELECT $update");
$open->query_safe('ROLLBACK');
wait_until(q{count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'db_guard batch job'});
is(answer("SELECT count(*) FROM db_guard.batch_jobs WHERE job = $rolled_back"), 0, 'no job without its transaction');
my $later = $open->query_safe("BEGIN; SELECT $update");
wait_until(q{count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'db_guard batch job' AND wait_event = 'transactionid'});
is(answer('SELECT max(n) FROM stock'), 1, 'it waits for the commit');
$open->query_safe('COMMIT');
wait_until("state = 'done' FROM db_guard.batch_progress WHERE job = $later");
is(answer('SELECT min(n), max(n) FROM stock'), '2|2', 'and then runs');
$open->quit;

# Stopped, killed, continued.
my $slow = answer(q{SELECT db_guard.batch_start('update', 'stock', 'n = n + 1', NULL, 50, '20 ms', NULL)});
wait_until("batches > 3 FROM db_guard.batch_progress WHERE job = $slow");
is(answer("SELECT db_guard.batch_cancel($slow)"), 't', 'cancelled');
wait_until("state = 'cancelled' AND pid IS NULL FROM db_guard.batch_progress WHERE job = $slow");
answer("SELECT db_guard.batch_continue($slow)");
wait_until("state = 'running' AND pid IS NOT NULL FROM db_guard.batch_progress WHERE job = $slow");
my $seen = answer("SELECT batches FROM db_guard.batch_progress WHERE job = $slow");
wait_until("batches > $seen + 2 FROM db_guard.batch_progress WHERE job = $slow");
my $pid = answer("SELECT pid FROM db_guard.batch_progress WHERE job = $slow");
kill 'KILL', $pid;
wait_until("state = 'interrupted' FROM db_guard.batch_progress WHERE job = $slow");
answer("SELECT db_guard.batch_continue($slow)");
wait_until("state = 'running' AND pid IS NOT NULL FROM db_guard.batch_progress WHERE job = $slow");
$node->restart;
is(answer("SELECT state FROM db_guard.batch_progress WHERE job = $slow"), 'interrupted', 'a shutdown stops it');
answer("UPDATE db_guard.batch_jobs SET pause_ms = 0 WHERE job = $slow");
answer("SELECT db_guard.batch_continue($slow)");
wait_until("state = 'done' FROM db_guard.batch_progress WHERE job = $slow");
is(answer('SELECT min(n), max(n) FROM stock'), '3|3', 'every row once in the end');

# Refusals.
foreach my $case (
	[ q{SET ROLE team; SELECT } . $update, qr/a role that cannot log in cannot have a background worker/ ],
	[ "SELECT db_guard.batch_continue($slow)", qr/batch job $slow belongs to another role/ ],
	[ "SELECT db_guard.batch_continue($job)", qr/batch job $job is done/ ],
	[ q{SELECT db_guard.batch_start('merge', 'stock', 'n = 1')}, qr/no batch operation "merge"/ ],
	[ q{SELECT db_guard.batch_start('delete', 'stock', 'n = 1')}, qr/a deletion has no set_clause/ ],
	[ q{SELECT db_guard.batch_start('delete', 'stock')}, qr/permission denied for table stock/ ],
	[ q{SELECT db_guard.batch_start(NULL, 'stock')}, qr/operation must not be null/ ])
{
	my ($out, $text) = as_clerk($case->[0]);
	like($text, $case->[1], $case->[0]);
}
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
my ($ret, $out, $text) = $node->psql('postgres', "SELECT $update");
like($text, qr/ERROR:  no background worker is free/, 'no worker: an error at once');
is(answer("SELECT count(*) FROM db_guard.batch_jobs WHERE state = 'new'"), 0, 'and no job');

done_testing();
