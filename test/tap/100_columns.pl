# Column triggers through dump and restore, replication, crashes, prepared transactions, and in sessions that
# have loaded the library or not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('columns');
$node->init(allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
max_prepared_transactions = 10
autovacuum = off
CONF
$node->start;

sub rows
{
	my ($sql, %with) = @_;
	return ($with{node} // $node)->safe_psql($with{db} // 'postgres', $sql);
}

rows(<<'SQL');
CREATE EXTENSION db_guard;
CREATE SCHEMA app;
SELECT db_guard.manage_schema('app');
CREATE TABLE app.t (id integer PRIMARY KEY, a integer, body text, updated_at timestamptz, version integer DEFAULT 1,
                    deleted_at timestamptz, created_by text);
SELECT db_guard.enable_updated_at('app.t', clock => 'wall'), db_guard.enable_row_version('app.t', required => true),
       db_guard.enable_soft_delete('app.t'), db_guard.enable_created_by('app.t', explicit_values => 'override');
CREATE TABLE app.parts (id integer, updated_at timestamptz, deleted_at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE app.part PARTITION OF app.parts DEFAULT;
SELECT db_guard.enable_soft_delete('app.parts');
SELECT db_guard.create_living_view('app.t');
INSERT INTO app.t (id, a) SELECT g, g FROM generate_series(1, 10) g;
DELETE FROM app.t WHERE id > 8;
INSERT INTO app.parts VALUES (1);
DELETE FROM app.parts;
SELECT db_guard.claim_request('dumped'), db_guard.complete_request('dumped', 1, '"reply"');
SQL

my $managed = 'SELECT target, feature, column_name, options, trigger_name, enabled, inherited FROM db_guard.managed_tables ORDER BY target::text, feature';
my $state = 'SELECT id, a, version, deleted_at, created_by, updated_at FROM app.t ORDER BY id';

# Dump and restore: the triggers come back, neither twice nor in the way of the rows.
my $before = rows($managed) . rows($state);
foreach my $format (qw(plain custom))
{
	my $file = $node->basedir . "/dump.$format";
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'pg_dump') if $format eq 'custom';
	$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'pg_dump') if $format eq 'plain';
	rows("CREATE DATABASE $format");
	$node->command_ok($format eq 'plain'
		? [ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr($format) ]
		: [ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr($format), $file ], "restores ($format)");
	is(rows($managed, db => $format) . rows($state, db => $format), $before, "the same after a restore ($format)");
	is(rows('TABLE db_guard.managed_schemas', db => $format), 'app|updated_at|updated_at', 'with managed schemas');
	is(rows("SELECT state, reply FROM db_guard.claim_request('dumped')", db => $format), 'done|"reply"', 'and replies');
	is(rows("UPDATE app.t SET a = 100, version = 1 WHERE id = 1 RETURNING version, updated_at IS NOT NULL", db => $format),
		'2|t', 'triggers act');
	is(rows("DELETE FROM app.parts; CREATE TABLE app.new (updated_at timestamptz); SELECT count(*) FROM app.parts", db => $format), '1', 'soft delete acts');
	is(rows("SELECT count(*) FROM db_guard.managed_tables WHERE table_name = 'new'", db => $format), '1', 'new tables are managed');
}

# DROP EXTENSION says what it would take along.
my ($code, $out, $err) = $node->psql('plain', 'DROP EXTENSION db_guard');
like($err, qr/trigger zzz_db_guard_updated_at on table app\.t depends on function/, 'triggers hold the extension');
rows('DROP EXTENSION db_guard CASCADE', db => 'plain');
is(rows("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%db\\_guard%'", db => 'plain'), '0', 'with CASCADE they are gone');

# Sessions that have not loaded the library, and those that have.
rows(<<'SQL');
CREATE TABLE app.u (id integer PRIMARY KEY, a integer, updated_at timestamptz);
INSERT INTO app.u VALUES (1, 1), (2, 2);
SQL
my $stamped = "SELECT count(*) FROM app.u WHERE updated_at > now() - interval '1 hour'";
is(rows("PREPARE p AS UPDATE app.u SET a = 10 WHERE id = 1; EXECUTE p; UPDATE app.u SET updated_at = NULL; EXECUTE p; $stamped"),
	'1', 'a session that meets the library in its first trigger');
rows('SET db_guard.mode = block; SET session_replication_role = replica; UPDATE app.u SET updated_at = NULL, a = 0');
{
	local $ENV{PGOPTIONS} = '-c session_preload_libraries=db_guard';
	my $plan = rows('EXPLAIN (VERBOSE, COSTS OFF) UPDATE app.u SET a = 11');
	like($plan, qr/stamp_unless_same/, 'a session that has it from its start sets the column by the plan');
	is(rows("UPDATE app.u SET a = 11; $stamped"), '2', 'and the rows have it');
}

# Trap: a BEFORE trigger that returns NULL breaks apply; ordinary triggers stay silent there. Ours leave what comes from
# the publisher as it is; a delete that is soft there arrives as such.
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$subscriber->append_conf('postgresql.conf', 'max_worker_processes = 16');
$subscriber->start;
my $tables = <<'SQL';
CREATE TABLE app.r (id integer PRIMARY KEY, a integer, updated_at timestamptz, version bigint DEFAULT 1, deleted_at timestamptz, created_by text);
SELECT db_guard.enable_updated_at('app.r'), db_guard.enable_row_version('app.r'), db_guard.enable_soft_delete('app.r'),
       db_guard.enable_created_by('app.r', explicit_values => 'override');
SQL
rows("CREATE EXTENSION db_guard; CREATE SCHEMA app; $tables", node => $subscriber);
rows("SELECT db_guard.unmanage_schema('app'); $tables CREATE PUBLICATION pub FOR TABLE app.r");
(my $from = $node->connstr('postgres')) =~ s/'/''/g;
rows("CREATE SUBSCRIPTION sub CONNECTION '$from' PUBLICATION pub", node => $subscriber);
$subscriber->wait_for_subscription_sync($node, 'sub');
rows(<<'SQL');
INSERT INTO app.r (id, a) SELECT g, g FROM generate_series(1, 5) g;
UPDATE app.r SET a = 100 WHERE id = 1;
UPDATE app.r SET a = 101, version = 2 WHERE id = 1;
DELETE FROM app.r WHERE id IN (2, 3);
BEGIN; SET LOCAL db_guard.hard_delete = on; DELETE FROM app.r WHERE id = 3; COMMIT;
SQL
$node->wait_for_catchup('sub');
my $replicated = 'SELECT id, a, updated_at, version, deleted_at, created_by FROM app.r ORDER BY id';
is(rows($replicated, node => $subscriber), rows($replicated), 'the subscriber holds what the publisher holds');
is(rows("SELECT count(*), count(deleted_at) FROM app.r", node => $subscriber), '4|1', 'one row is gone, one is marked');
rows('ALTER TABLE app.r ENABLE ALWAYS TRIGGER "A_db_guard_soft_delete"; ALTER TABLE app.r ENABLE ALWAYS TRIGGER zzz_db_guard_updated_at', node => $subscriber);
rows("UPDATE app.r SET a = 200 WHERE id = 4");
rows("BEGIN; SET LOCAL db_guard.hard_delete = on; DELETE FROM app.r WHERE id = 5; COMMIT");
$node->wait_for_catchup('sub');
is(rows('SELECT id, deleted_at IS NOT NULL FROM app.r WHERE id >= 4 ORDER BY id', node => $subscriber), "4|f\n5|t",
	'ENABLE ALWAYS: the subscriber keeps what the publisher really deletes');
rows('DROP SUBSCRIPTION sub', node => $subscriber);
$subscriber->stop;

# Prepared transactions, and kill -9 of the server in the middle of a soft delete.
rows("BEGIN; DELETE FROM app.t WHERE id = 1; UPDATE app.t SET a = 7, version = 1 WHERE id = 2; PREPARE TRANSACTION 'soft'");
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; DELETE FROM app.t WHERE id = 3');
$node->stop('immediate');
$node->start;
is(rows('SELECT count(*), count(deleted_at) FROM app.t'), '10|2', 'what was not committed is gone');
rows("COMMIT PREPARED 'soft'");
is(rows('SELECT id, a, version, deleted_at IS NOT NULL FROM app.t WHERE id IN (1, 2, 3) ORDER BY id'),
	"1|1|1|t\n2|7|2|f\n3|3|1|f", 'what was prepared is there');

$node->stop;
done_testing();
