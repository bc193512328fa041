# The guard decides before the statement takes a lock, and waits for nobody who holds one.
#
# lock_timeout is off, so a guard that waits would wait for as long as the other session lives; the
# statement_timeout ends that with 57014, which no assertion accepts. Nothing here measures time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('waits');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
max_prepared_transactions = 5
autovacuum = off
db_guard.small_table_size = 0
lock_timeout = 0
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
CREATE TABLE customers (id integer PRIMARY KEY, email text, phone text);
CREATE TABLE orders (id bigint NOT NULL, customer integer REFERENCES customers, code varchar(20),
    amount numeric, note text, CONSTRAINT filled CHECK (note <> ''));
INSERT INTO customers SELECT g, g % 500, g FROM generate_series(1, 1000) g;
INSERT INTO orders SELECT g, g, g, g, g FROM generate_series(1, 1000) g;
CREATE INDEX orders_amount ON orders (amount);
CREATE INDEX orders_code ON orders (code);
CREATE UNIQUE INDEX customers_phone ON customers (phone);
CREATE VIEW all_customers AS SELECT id FROM customers;
CREATE TABLE parts (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO parts SELECT date '2020-06-01' + g, g FROM generate_series(1, 100) g;
CREATE DOMAIN percentage AS numeric CHECK (VALUE <= 100);
CREATE UNLOGGED TABLE imports (line text);
INSERT INTO imports SELECT generate_series(1, 100);
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg('c' || g || ' integer', ', ') || ')'
  FROM generate_series(1, 1600) g); END $$;
ANALYZE;
SQL

# Statement, the relation that it would lock first, and the rule that refuses it.
my @refused = (
	[ 'ALTER TABLE orders ADD COLUMN position bigserial', 'orders', 'add-column-auto-increment' ],
	[ 'ALTER TABLE orders ADD COLUMN currency text NOT NULL', 'orders', 'add-column-required' ],
	[ 'ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()', 'orders',
		'add-column-volatile-default' ],
	[ 'ALTER TABLE orders ADD CHECK (amount > 0)', 'orders', 'add-check-constraint' ],
	[ 'ALTER TABLE orders ADD EXCLUDE USING btree (amount WITH =)', 'orders', 'add-exclusion-constraint' ],
	[ 'ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers', 'orders', 'add-foreign-key' ],
	[ 'ALTER TABLE orders ADD PRIMARY KEY (id)', 'orders', 'add-primary-key' ],
	[ 'ALTER TABLE customers ADD UNIQUE (email)', 'customers', 'add-unique-constraint' ],
	[ 'ALTER TABLE orders ALTER COLUMN note TYPE varchar', 'orders', 'alter-column-type-check' ],
	[ 'ALTER TABLE orders ALTER COLUMN customer TYPE bigint', 'orders', 'alter-column-type-foreign-key' ],
	[ 'ALTER TABLE orders ALTER COLUMN code TYPE varchar(20) COLLATE "POSIX"', 'orders',
		'alter-column-type-reindex' ],
	[ 'ALTER TABLE orders ALTER COLUMN amount TYPE text', 'orders', 'alter-column-type-rewrite' ],
	[ 'CREATE INDEX ON orders (note)', 'orders', 'create-index-blocking' ],
	[ 'CREATE INDEX ON parts (what)', 'parts', 'create-index-blocking' ],
	[ 'CREATE UNIQUE INDEX ON customers (email)', 'customers', 'create-index-blocking' ],
	[ 'DROP TABLE orders', 'orders', 'drop-table' ],
	[ 'DROP TABLE customers CASCADE', 'customers', 'drop-cascade' ],
	[ 'ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey', 'orders', 'drop-foreign-key' ],
	[ 'ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE', 'customers', 'drop-key-constraint' ],
	[ 'ALTER TABLE parts DETACH PARTITION parts_1', 'parts', 'detach-partition' ],
	[ 'ALTER TABLE orders DROP COLUMN note', 'orders', 'drop-column' ],
	[ 'DROP INDEX orders_amount', 'orders', 'drop-index-blocking' ],
	[ 'DROP INDEX customers_phone', 'customers', 'drop-index-in-use' ],
	[ 'ALTER TABLE orders RENAME COLUMN note TO remark', 'orders', 'rename-column' ],
	[ 'ALTER VIEW all_customers RENAME TO everybody', 'all_customers', 'rename-table' ],
	[ 'ALTER TABLE orders RENAME TO purchases', 'orders', 'rename-table' ],
	[ 'ALTER TABLE orders ALTER COLUMN amount SET NOT NULL', 'orders', 'set-not-null' ],
	[ 'ALTER TABLE parts ALTER COLUMN what SET NOT NULL', 'parts', 'set-not-null' ],
	[ 'ALTER TABLE orders ADD COLUMN discount numeric CHECK (discount > 0)', 'orders', 'add-column-check' ],
	[ 'ALTER TABLE orders ADD COLUMN discount percentage', 'orders', 'add-column-constrained-domain' ],
	[ 'ALTER TABLE orders ADD COLUMN buyer integer DEFAULT 1 REFERENCES customers', 'orders',
		'add-column-foreign-key' ],
	[ 'ALTER TABLE wide ADD COLUMN one_more integer', 'wide', 'add-column-limit' ],
	[ 'ALTER TABLE orders ALTER COLUMN code TYPE varchar(2)', 'orders', 'alter-column-type-narrowing' ],
	[ 'ALTER TABLE imports SET LOGGED', 'imports', 'change-table-storage' ],
	[ 'ALTER TABLE orders ADD COLUMN twice numeric GENERATED ALWAYS AS (amount * 2) STORED', 'orders',
		'generated-column' ],
	[ 'ALTER TABLE parts_1 SET UNLOGGED', 'parts_1', 'set-unlogged' ]);

# The seed of the catalogue: each must be here. What other rules look at goes the same road.
my %covered = map { $_->[2] => 1 } @refused;
my @first = qw(add-column-auto-increment add-column-required add-column-volatile-default add-primary-key
  add-unique-constraint alter-column-type-check alter-column-type-foreign-key alter-column-type-reindex
  alter-column-type-rewrite create-index-blocking drop-column drop-index-blocking drop-index-in-use
  rename-column rename-table set-not-null);
is(join(' ', grep { !$covered{$_} } @first), '', 'every dangerous operation of the README has a statement here');

# A session of its own. Returns what it said.
sub attempt
{
	my ($statement) = @_;
	my $err = '';
	$node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '30s';\n$statement;\n",
		stderr => \$err, on_error_stop => 0);
	return $err;
}

sub refused_beside
{
	my ($name, $statement, $rule, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $err = attempt($statement);
	like($err, qr/ERROR:  DG001: .*\nDETAIL:  (?:.*\n)*?.*db_guard rule \Q$rule\E: /,
		"$name: refused at once: $statement");
	like($err, $expected, "$name: DETAIL says who is in the way") if defined $expected;
	return $err;
}

sub hold
{
	my ($application, @statements) = @_;
	my $session = $node->background_psql('postgres');
	$session->query_safe("SET application_name = '$application'; BEGIN;");
	$session->query_safe($_) foreach @statements;
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	return ($session, $pid);
}

subtest 'beside a reader' => sub {
	my ($reader, $pid) = hold('slow report', map { "SELECT FROM $_ LIMIT 1;" }
		qw(orders customers parts all_customers imports wide));
	foreach my $case (@refused)
	{
		my ($statement, $relation, $rule) = @$case;
		my $in_the_way = qr/It would wait now for process $pid \(slow report[,)]/;
		# CREATE INDEX and ADD FOREIGN KEY only stop writers: a reader is not in their way.
		$in_the_way = qr/\A(?!.*would wait now)/s if $statement =~ /^CREATE|FOREIGN KEY/;
		refused_beside('reader', $statement, $rule, $in_the_way);
	}
	$reader->quit;
};

subtest 'beside a writer' => sub {
	my ($writer, $pid) = hold('batch', 'UPDATE orders SET note = note WHERE id = 1;',
		'UPDATE customers SET email = email WHERE id = 1;', 'UPDATE parts SET what = what;');
	foreach my $case (grep { $_->[0] =~ /^CREATE/ } @refused)
	{
		refused_beside('writer', $case->[0], $case->[2],
			qr/It would wait now for process $pid \(batch[,)]/);
	}
	$writer->quit;
};

subtest 'beside a session that lets nobody else in' => sub {
	my ($owner, $pid) = hold('maintenance',
		'LOCK TABLE orders, customers, parts, all_customers, imports, wide IN ACCESS EXCLUSIVE MODE;');
	foreach my $case (@refused)
	{
		my ($statement, $relation, $rule) = @$case;
		my $err = refused_beside('owner', $statement, $rule,
			qr/It would wait now for process $pid \(maintenance[,)]/);
		unlike($err, qr/rows with equal keys|No rows with/i, 'nothing is said about duplicates')
		  if $statement =~ /email/;
	}
	$owner->quit;
	like(attempt('ALTER TABLE customers ADD UNIQUE (email)'), qr/rows with equal keys exist already.*\(email\)=\(\d+\) 2 times/,
		'with the table free they are found');
};

subtest 'beside several' => sub {
	my @sessions = map { [ hold("reader $_", 'SELECT FROM orders LIMIT 1;') ] } 1 .. 3;
	my $err = refused_beside('three', 'ALTER TABLE orders DROP COLUMN note', 'drop-column');
	like($err, qr/process $_->[1] \(/, "names $_->[1]") foreach @sessions;
	$_->[0]->quit foreach @sessions;
	$err = refused_beside('none', 'ALTER TABLE orders DROP COLUMN note', 'drop-column');
	unlike($err, qr/would wait now/, 'nobody left');
};

subtest 'beside one who waits already' => sub {
	my ($reader) = hold('reader', 'SELECT FROM orders LIMIT 1;');
	my $waiting = $node->background_psql('postgres', on_error_stop => 0);
	$waiting->query_until(qr/^go$/m, "SET application_name = 'waiting';\n\\echo go\nBEGIN; LOCK TABLE orders;\n");
	$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted') or die;
	refused_beside('queue', 'CREATE INDEX ON orders (note)', 'create-index-blocking');
	refused_beside('queue', 'CREATE UNIQUE INDEX ON orders (id)', 'create-index-blocking');
	$reader->quit;
	$waiting->quit;
};

# 100,000 transactions make a table old, which is the least the server allows; a vacuum that pauses
# after each page is there until it is killed.
subtest 'beside a vacuum against wraparound' => sub {
	$node->safe_psql('postgres', <<'SQL');
SET db_guard.mode = off;
CREATE TABLE old (id bigint, total numeric) WITH (autovacuum_freeze_max_age = 100000,
    autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100);
INSERT INTO old SELECT g, g FROM generate_series(1, 100000) g;
SET synchronous_commit = off;
DO $$ BEGIN
    FOR i IN 1..100001 LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$;
SQL
	$node->append_conf('postgresql.conf', "autovacuum = on\nautovacuum_naptime = 1s\n");
	$node->restart;
	my $vacuums = "FROM pg_stat_activity JOIN pg_stat_progress_vacuum USING (pid)
		WHERE relid = 'old'::regclass AND query LIKE '%(to prevent wraparound)'";
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $vacuums")
	  or die 'no vacuum against wraparound';
	my $pid = $node->safe_psql('postgres', "SELECT pid $vacuums");
	my $statement = 'ALTER TABLE old ALTER COLUMN total SET DEFAULT 0';
	my $err = attempt($statement);
	like($err, qr/ERROR:  DG001: /, 'what would queue behind it is refused');
	like($err, qr/process $pid \(autovacuum against transaction ID wraparound, which does not give way/,
		'and told what is there');
	unlike(attempt("SET lock_timeout = '10ms';\n$statement"), qr/DG001/, 'not with a lock_timeout');
	$node->append_conf('postgresql.conf', "autovacuum = off\n");
	$node->restart;
	is(attempt($statement), '', 'nor once it is gone');
};

# What the guard holds while it decides. The row for the log is written by another process, and the
# refused session waits for it; with that process stopped at a lock on the log, the session can be
# looked at.
subtest 'no lock on the target while the decision is made' => sub {
	my ($blocker) = hold('blocker', 'LOCK TABLE db_guard.ddl_log IN ACCESS EXCLUSIVE MODE;');
	foreach my $case (@refused[ 0, 3, 4, 8, 9, 15 ])
	{
		my ($statement) = @$case;
		my $session = $node->background_psql('postgres', on_error_stop => 0);
		my $pid = $session->query_safe("SET statement_timeout = '30s'; SET lock_timeout = 0; SELECT pg_backend_pid()");
		$session->query_until(qr/^go$/m, "\\set VERBOSITY verbose\n\\echo go\n$statement;\n\\echo over\n");
		$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity
			WHERE backend_type = 'db_guard log writer' AND wait_event_type = 'Lock'")
		  or die "no log writer for $statement";
		is($node->safe_psql('postgres', "SELECT string_agg(relation::regclass || ' ' || mode, ', ')
			FROM pg_locks JOIN pg_class c ON c.oid = relation WHERE pid = $pid AND relation >= 16384
			AND relnamespace = 'public'::regnamespace"), '', $statement);
		$session->query_until(qr/^over$/m, '');
		like($session->{stderr}, qr/ERROR:  DG001/, 'and it is refused');
		$session->quit;
	}
	$blocker->quit;
};

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/TRAP: |terminated by signal|PANIC/, 'no crash');
unlike($log, qr/statement timeout/, 'nobody waited');

done_testing();
