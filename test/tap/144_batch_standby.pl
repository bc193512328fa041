# A background job on a standby: nothing runs it there, and after a promotion it goes on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$primary->append_conf('postgresql.conf', <<'CONF');
fsync = off
shared_preload_libraries = 'db_guard'
db_guard.mode = off
CONF
$primary->start;
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
CREATE TABLE stock (id int PRIMARY KEY, n int DEFAULT 0);
INSERT INTO stock SELECT generate_series(1, 2000);
SQL
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $job = $primary->safe_psql('postgres', q{SELECT db_guard.batch_start('update', 'stock', 'n = n + 1', NULL, 50, '50 ms', NULL)});
$standby->poll_query_until('postgres', "SELECT coalesce(max(batches), 0) > 2 FROM db_guard.batch_jobs WHERE job = $job") or die 'the job does not get to the standby';
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'db\_guard%'}), '0', 'a standby runs neither launcher nor job');
foreach my $call ("SELECT db_guard.batch_start('update', 'stock', 'n = 0')", "SELECT db_guard.batch_continue($job)", "SELECT db_guard.batch_cancel($job)", "CALL db_guard.batch_resume($job)", "CALL db_guard.batch_update('stock', 'n = 0')")
{
	my ($ret, undef, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$call");
	isnt($ret, 0, "$call is refused on a standby");
	like($err, qr/ERROR:  25006: .*\n(?:DETAIL: .*\n)?HINT: /, '... and says what to do');
}

$primary->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', "SELECT resumes = 1 FROM db_guard.batch_jobs WHERE job = $job") or die 'the job does not go on';
$standby->safe_psql('postgres', 'UPDATE db_guard.batch_jobs SET pause_ms = 0');
$standby->poll_query_until('postgres', "SELECT state = 'done' FROM db_guard.batch_progress WHERE job = $job") or die 'the job does not end';
is($standby->safe_psql('postgres', 'SELECT min(n), max(n), count(*) FROM stock'), '1|1|2000', 'promoted, it ends the job: every row once');

done_testing();
