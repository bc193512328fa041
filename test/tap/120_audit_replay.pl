# The law of the row audit: folding the log gives the table, at every committed point. Six clients write in
# every way there is, backends and the server are killed, tables are altered, all is dumped and restored.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 6;
my $seed = $ENV{SEED} || 20;
note("SEED=$seed");
srand $seed;

my $node = PostgreSQL::Test::Cluster->new('replay');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = on
restart_after_crash = on
max_prepared_transactions = 10
autovacuum = off
max_worker_processes = 8
deadlock_timeout = 20ms
CONF
$node->start;

my @tables = qw(keyed nokey parted parent child);

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE keyed (id int PRIMARY KEY, v int, t text, m mood, n numeric, big text);
ALTER TABLE keyed ALTER COLUMN big SET STORAGE EXTERNAL;
CREATE TABLE nokey (a int, b text);
CREATE TABLE parted (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
-- Other columns in another order.
CREATE TABLE parted_1 (v text, gone int, k int NOT NULL, id int NOT NULL);
ALTER TABLE parted_1 DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
CREATE TABLE parent (id int PRIMARY KEY, v int);
CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, v int);
INSERT INTO keyed SELECT g, g, 'before', 'ok', g / 3.0, repeat('b', g * 100) FROM generate_series(1, 40) g;
INSERT INTO nokey SELECT g % 5, 'before' FROM generate_series(1, 20) g;
INSERT INTO parted SELECT g, g % 2, 'before' FROM generate_series(1, 20) g;
INSERT INTO parent SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO child SELECT g, g, g FROM generate_series(1, 20) g;
-- Changes its own table once more: the inner statement is recorded before the outer one.
CREATE FUNCTION once_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE keyed SET v = v + 1000 WHERE id = NEW.id AND v < 1000 AND v % 7 = 0;
  RETURN NULL;
END $$;
CREATE TRIGGER a_first AFTER UPDATE ON keyed FOR EACH ROW EXECUTE FUNCTION once_more();
CREATE FUNCTION difference(name text, at timestamptz, compared text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
  surplus bigint;
BEGIN
  -- As text: not every type can be compared.
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM %1$I x EXCEPT ALL SELECT x::text FROM db_guard.audit_as_of(NULL::%2$I, $1) x) d',
                 coalesce(compared, name), name) INTO missing USING at;
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM db_guard.audit_as_of(NULL::%2$I, $1) x EXCEPT ALL SELECT x::text FROM %1$I x) d',
                 coalesce(compared, name), name) INTO surplus USING at;
  RETURN missing || '/' || surplus;
END $$;
CREATE TABLE points (point int, at timestamptz);
SELECT db_guard.enable_audit('keyed'), db_guard.enable_audit('nokey'), db_guard.enable_audit('parted'),
       db_guard.enable_audit('parent'), db_guard.enable_audit('child');
SQL

# --- writers --------------------------------------------------------------------------------------------

sub pick { return $_[ int(rand(@_)) ]; }

sub statement
{
	my $id = 1 + int(rand(60));
	my $k = int(rand(2));
	my $n = int(rand(200));
	return pick(
		"INSERT INTO keyed VALUES ($id, $n, 't$n', 'sad', $n / 7.0, repeat('x', $n * 40)) ON CONFLICT (id) DO UPDATE SET v = excluded.v, m = 'happy'",
		"INSERT INTO keyed SELECT g, $n, 'many' FROM generate_series($id, $id + 9) g ON CONFLICT DO NOTHING",
		"UPDATE keyed SET v = v + 1, t = t || 'x' WHERE id BETWEEN $id AND $id + 5",
		"UPDATE keyed SET v = 7 * ($n % 20) WHERE id BETWEEN $id AND $id + 3",
		"UPDATE keyed SET m = CASE m WHEN 'ok' THEN 'sad'::mood ELSE 'ok' END WHERE id % 10 = $n % 10",
		"UPDATE keyed SET id = id + 100 WHERE id = $id AND NOT EXISTS (SELECT FROM keyed WHERE id = $id + 100)",
		"UPDATE keyed SET v = v WHERE id = $id",
		"DELETE FROM keyed WHERE id IN ($id, $id + 100)",
		"MERGE INTO keyed USING generate_series($id, $id + 4) g ON id = g WHEN MATCHED AND g % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = g WHEN NOT MATCHED THEN INSERT (id, v, t) VALUES (g, $n, 'merged')",
		"WITH gone AS (DELETE FROM keyed WHERE id = $id RETURNING *) INSERT INTO nokey SELECT v, t FROM gone",
		"COPY nokey FROM stdin;\n$k\tcopied\n$n\t\\N\n\\.\n",
		"UPDATE nokey SET b = 'n$n' WHERE a = $k",
		"DELETE FROM nokey WHERE ctid = (SELECT ctid FROM nokey WHERE a = $k LIMIT 1 FOR UPDATE SKIP LOCKED)",
		"INSERT INTO parted VALUES ($id, $k, 'p$n') ON CONFLICT (id, k) DO UPDATE SET v = excluded.v",
		"UPDATE parted SET k = 1 - k WHERE id = $id AND NOT EXISTS (SELECT FROM parted o WHERE o.id = $id AND o.k <> parted.k)",
		"INSERT INTO parted_1 (id, k, v) VALUES ($id, 1, 'direct') ON CONFLICT DO NOTHING",
		"UPDATE parted_0 SET v = 'direct$n' WHERE id = $id",
		"DELETE FROM parted_1 WHERE id = $id",
		"INSERT INTO parent VALUES ($id, $n) ON CONFLICT DO NOTHING",
		"UPDATE parent SET id = id + 1000 WHERE id = $id",
		"DELETE FROM parent WHERE id IN ($id, $id + 1000)",
		"INSERT INTO child SELECT $n, id, $n FROM parent ORDER BY id LIMIT 1 ON CONFLICT DO NOTHING",
		"SET LOCAL session_replication_role = replica; UPDATE keyed SET v = -1 WHERE id = $id; UPDATE parted SET v = 'replica' WHERE id = $id; SET LOCAL session_replication_role = origin",
		$n == 1 ? 'TRUNCATE parted_0' : $n == 2 ? 'TRUNCATE parent CASCADE' : "UPDATE child SET v = $n WHERE id < $id");
}

sub transaction
{
	my ($client, $number) = @_;
	my $sql = "BEGIN;\n";
	for (1 .. 1 + int(rand(4)))
	{
		my $kind = rand();
		my $one = statement() . ";\n";
		if ($kind < 0.2) { $sql .= "SAVEPOINT s;\n${one}ROLLBACK TO s;\n"; }
		elsif ($kind < 0.4) { $sql .= "SAVEPOINT s;\n${one}RELEASE s;\n"; }
		else { $sql .= $one; }
	}
	my $end = rand();
	return $sql . "ROLLBACK;\n" if $end < 0.15;
	return $sql . "PREPARE TRANSACTION 'c$client-$number';\n" . pick('COMMIT', 'ROLLBACK') . " PREPARED 'c$client-$number';\n"
	  if $end < 0.25;
	return $sql . "COMMIT;\n";
}

sub start_writers
{
	my $transactions = shift;
	my @writers;
	for my $client (1 .. $clients)
	{
		my $file = $PostgreSQL::Test::Utils::tmp_check . "/client$client.sql";
		open my $out, '>', $file or die $!;
		print $out "SET client_min_messages = error;\n";
		print $out transaction($client, $_) for 1 .. $transactions;
		close $out;
		my ($stdout, $stderr) = ('', '');
		# Errors are part of it: deadlocks, duplicates, prepared transactions that never were.
		push @writers, start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . ' application_name=psql-writer', '-f', $file ],
			'>', \$stdout, '2>', \$stderr);
	}
	return @writers;
}

sub end_writers { finish($_) for @_; return; }

# A crash leaves those that were prepared, with their locks.
sub end_prepared
{
	my $sql = $node->safe_psql('postgres', q{SELECT string_agg(CASE WHEN gid LIKE '%0' THEN 'ROLLBACK' ELSE 'COMMIT' END
		|| ' PREPARED ' || quote_literal(gid) || ';', ' ') FROM pg_prepared_xacts});
	$node->safe_psql('postgres', $sql);
	return;
}

# --- checks ---------------------------------------------------------------------------------------------

# In one snapshot: what it sees of the table and of the log.
sub fits_now
{
	my ($name, $database) = @_;
	my $sql = "BEGIN ISOLATION LEVEL REPEATABLE READ;\n";
	# Before the snapshot: a TRUNCATE after it would empty the table for it, too, but not the log.
	$sql .= 'LOCK TABLE ' . join(', ', @tables) . " IN ACCESS SHARE MODE;\n";
	$sql .= "SELECT '$_ ' || difference('$_', 'infinity');\n" for @tables;
	my $found = $node->safe_psql($database || 'postgres', "$sql COMMIT;");
	is($found, join("\n", map { "$_ 0/0" } @tables), $name);
	return;
}

my $points = 0;

# A point that nobody writes around: what the tables are like, to be compared later.
sub remember
{
	$points++;
	my $sql = '';
	$sql .= "CREATE TABLE ${_}_at_$points AS SELECT * FROM $_;\n" for @tables;
	$node->safe_psql('postgres', "$sql INSERT INTO points VALUES ($points, clock_timestamp());");
	return;
}

sub fits_then
{
	my ($name, $from, $database) = @_;
	my ($found, $expected) = ('', '');
	for my $point ($from .. $points)
	{
		for my $table (@tables)
		{
			$found .= "$table $point " . $node->safe_psql($database || 'postgres',
				"SELECT difference('$table', (SELECT at FROM points WHERE point = $point), '${table}_at_$point')") . "\n";
			$expected .= "$table $point 0/0\n";
		}
	}
	is($found, $expected, $name);
	return;
}

fits_now('the rows that were there before');
remember();

for my $round (1 .. 3)
{
	my @writers = start_writers(60);
	fits_now("round $round: while they write, $_") for 1 .. 3;
	end_writers(@writers);
	fits_now("round $round: after it");
	remember();
}
fits_then('every point that was remembered', 1);

subtest 'kill -9 of a backend, and the whole server recovers' => sub {
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	# Holds what nobody else does until then, so that it does not have to wait.
	$session->query_safe("BEGIN; UPDATE keyed SET v = 12345;");
	my @writers = start_writers(200);
	kill 'KILL', $pid;
	end_writers(@writers);
	eval { $session->quit };
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no recovery';
	fits_now('the log and the tables agree');
	end_prepared();
	fits_now('and when what was prepared has ended');
	remember();
};

subtest 'the server stops at once' => sub {
	my @writers = start_writers(200);
	fits_now('before');
	$node->stop('immediate');
	end_writers(@writers);
	$node->start;
	fits_now('after');
	end_prepared();
	fits_now('and when what was prepared has ended');
	is($node->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT audit_id) FROM db_guard.audit_event'), 0,
		'no number was given twice');
	remember();
};

sub is_anybody_writing
{
	return $node->safe_psql('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'psql-writer'}) eq 't';
}

subtest 'a baseline is recorded while others write' => sub {
	$node->safe_psql('postgres', "SELECT db_guard.disable_audit('$_')") for @tables;
	end_writers(start_writers(20));

	$node->safe_psql('postgres', "SET db_guard.small_table_size = 0; SELECT db_guard.enable_audit('$_')") for @tables;
	my ($code, $out, $error) = $node->psql('postgres', "SELECT difference('keyed', 'infinity')");
	like($error, qr/baseline_audit/, 'until then nothing is folded');
	$node->safe_psql('postgres', "INSERT INTO keyed (id, v, t) SELECT g, 1, 'open' FROM generate_series(5001, 5006) g");
	my $commits = $node->background_psql('postgres');
	$commits->query_safe("BEGIN; UPDATE keyed SET v = 2 WHERE id = 5001; DELETE FROM keyed WHERE id = 5002; INSERT INTO keyed (id, v) VALUES (5011, 1)");
	my $aborts = $node->background_psql('postgres');
	$aborts->query_safe("BEGIN; UPDATE keyed SET v = 3 WHERE id = 5003; DELETE FROM keyed WHERE id = 5004; INSERT INTO keyed (id, v) VALUES (5012, 1)");
	$node->safe_psql('postgres', "BEGIN; UPDATE keyed SET v = 4 WHERE id = 5005; DELETE FROM keyed WHERE id = 5006; PREPARE TRANSACTION 'around'");
	ok($node->safe_psql('postgres', "SELECT db_guard.baseline_audit('keyed')") > 0, 'with three transactions open, and nobody waits');
	is($node->safe_psql('postgres', "SELECT difference('keyed', 'infinity')"), '0/0', 'they are not in the baseline');
	$commits->query_safe('COMMIT');
	$aborts->query_safe('ROLLBACK');
	$node->safe_psql('postgres', "COMMIT PREPARED 'around'");
	$_->quit for $commits, $aborts;
	is($node->safe_psql('postgres', "SELECT difference('keyed', 'infinity')"), '0/0', 'those that committed are folded onto it');
	is($node->safe_psql('postgres', 'SELECT string_agg(id || $$:$$ || v, $$ $$ ORDER BY id) FROM keyed WHERE id > 5000'),
		'5001:2 5003:1 5004:1 5005:4 5011:1', 'and are what they should be');

	# All tables again and again, for as long as anybody writes.
	my @writers = start_writers(60);
	my $rounds = 0;
	do
	{
		$node->safe_psql('postgres', "SELECT db_guard.baseline_audit('$_')") for @tables;
		fits_now('while they write, baseline ' . ++$rounds);
	} while (is_anybody_writing());
	end_writers(@writers);
	end_prepared();
	fits_now('after it');
	remember();
	end_writers(start_writers(20));
	end_prepared();
	fits_then('a point after the baselines, when more has been written', $points);
};

# What a copy of today must look like: the columns of then, for as_of gives today's.
sub reshape
{
	my $sql = shift;
	$node->safe_psql('postgres', "SET db_guard.mode = off;\n$sql");
	return;
}

subtest 'columns come, go and change their names in between' => sub {
	my $altered = $points;
	reshape('ALTER TABLE keyed ADD COLUMN extra int DEFAULT 5; ALTER TABLE nokey ADD COLUMN extra text;
		ALTER TABLE parted ADD COLUMN extra int DEFAULT 7;');
	end_writers(start_writers(40));
	fits_now('added');
	remember();
	reshape('ALTER TABLE keyed RENAME COLUMN extra TO renamed; ALTER TABLE parted RENAME COLUMN extra TO renamed;');
	end_writers(start_writers(40));
	fits_now('renamed');
	# What was remembered before has to follow, or the copies could not be compared.
	reshape(join ' ', map { "ALTER TABLE keyed_at_$_ RENAME COLUMN extra TO renamed; ALTER TABLE parted_at_$_ RENAME COLUMN extra TO renamed;" } $altered + 1 .. $points);
	remember();
	reshape('VACUUM FULL keyed');
	fits_now('rewritten without a change');
	fits_then('the points since then', $altered + 1);
	reshape('ALTER TABLE keyed DROP COLUMN n; ALTER TABLE keyed ADD COLUMN n text;');
	end_writers(start_writers(40));
	fits_now('dropped, and another of the same name added');
	reshape("ALTER TABLE keyed ALTER COLUMN v TYPE bigint USING v * 2; ALTER TABLE keyed ADD COLUMN r float8 DEFAULT random();");
	fits_now('rewritten with new values');
	end_writers(start_writers(40));
	fits_now('and changed after that');
	remember();
};

subtest 'trap: identity from OIDs: dump and restore where all numbers are others' => sub {
	my $dump = $PostgreSQL::Test::Utils::tmp_check . '/dump';
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
	my $other = PostgreSQL::Test::Cluster->new('other');
	$other->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$other->append_conf('postgresql.conf', "max_prepared_transactions = 10\nautovacuum = off\n");
	$other->start;
	# Other numbers for types, tables and labels.
	$other->safe_psql('postgres', join ' ', map { "CREATE TABLE filler_$_ (a int);" } 1 .. 30);
	$other->safe_psql('postgres', 'CREATE DATABASE restored');
	$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('restored'), $dump ], 'restored');
	my $first = $node;
	$node = $other;
	fits_now('the tables agree with the log', 'restored');
	fits_then('at a point before the dump', $points, 'restored');
	$node->safe_psql('restored', "UPDATE keyed SET t = 'restored', m = 'happy'; DELETE FROM nokey WHERE a = 1;
		UPDATE parted SET v = 'restored'; INSERT INTO parent VALUES (9999, 1); UPDATE keyed SET id = id + 100000 WHERE id < 10;");
	fits_now('and so after new changes', 'restored');
	fits_then('and at a point before the dump', $points, 'restored');
	is($node->safe_psql('restored', 'SELECT count(*) - count(DISTINCT audit_id) FROM db_guard.audit_event'), 0,
		'no number was given twice');
	$node = $first;
	$other->stop;
};

$node->stop;
done_testing();
