# explain_ddl takes no lock that could wait or make others wait, changes nothing, answers on a standby and
# to anybody, and lets no bad statement spoil the others.
#
# lock_timeout is off: an explain_ddl that waits would wait for ever; statement_timeout ends that with
# 57014, which no assertion accepts. Nothing here measures time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('explain');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
max_prepared_transactions = 5
autovacuum = off
lock_timeout = 0
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE customers (id integer PRIMARY KEY, email text, phone text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer REFERENCES customers, code varchar(20),
    amount numeric, note text, rank positive, CONSTRAINT filled CHECK (note <> ''));
INSERT INTO customers SELECT g, g, g FROM generate_series(1, 1000) g;
INSERT INTO orders SELECT g, g, g, g, g, g FROM generate_series(1, 1000) g;
CREATE INDEX orders_expression ON orders (lower(note)) WHERE amount > 5;
CREATE VIEW all_orders AS SELECT * FROM orders;
CREATE MATERIALIZED VIEW totals AS SELECT sum(amount) FROM orders;
CREATE TABLE parts (at date NOT NULL, what text CHECK (what <> '')) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
CREATE TABLE extra (LIKE parts);
CREATE ROLE nobody_special LOGIN;
ANALYZE;
SQL

my @statements = (
	'ALTER TABLE orders ADD COLUMN position bigserial',
	'ALTER TABLE orders ADD COLUMN customer2 integer REFERENCES customers',
	'ALTER TABLE orders ADD CHECK (amount > 0)',
	'ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers',
	'ALTER TABLE orders ALTER COLUMN amount TYPE text',
	'ALTER TABLE orders ALTER COLUMN note TYPE varchar',
	'ALTER TABLE orders ALTER COLUMN note SET NOT NULL',
	'ALTER TABLE customers ALTER COLUMN id TYPE bigint',
	'ALTER TABLE orders DROP COLUMN note CASCADE',
	'ALTER TABLE orders DROP CONSTRAINT filled',
	'ALTER TABLE orders ADD UNIQUE (code)',
	'ALTER TABLE orders RENAME TO purchases',
	'ALTER TABLE parts ATTACH PARTITION extra FOR VALUES FROM (\'2022-01-01\') TO (\'2023-01-01\')',
	'ALTER TABLE parts DETACH PARTITION parts_1',
	'CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (\'2021-01-01\') TO (\'2022-01-01\')',
	'CREATE TABLE more (LIKE orders INCLUDING ALL)',
	'CREATE TABLE lines (customer integer REFERENCES customers)',
	'CREATE INDEX ON parts (what)',
	'CREATE INDEX CONCURRENTLY ON orders (code)',
	'CREATE OR REPLACE VIEW all_orders AS SELECT * FROM orders',
	'CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'REFRESH MATERIALIZED VIEW totals',
	'REINDEX TABLE orders',
	'CLUSTER orders USING orders_pkey',
	'VACUUM FULL orders',
	'TRUNCATE customers CASCADE',
	'DROP TABLE orders CASCADE',
	'DROP TABLE parts',
	'DROP INDEX orders_expression',
	'DROP VIEW all_orders',
	'LOCK TABLE orders',
	'ALTER DOMAIN positive ADD CHECK (VALUE < 10000)',
	'GRANT SELECT ON orders TO PUBLIC',
	'COMMENT ON TABLE orders IS \'x\'');

my $asked = 'ARRAY[' . join(",\n", map { "\$s\$$_\$s\$" } @statements) . ']';
my $columns = 'number, relation, lock_mode, rewrite, scan, index_build, fk_check, certainty';

sub explained
{
	my ($on, $role) = @_;
	my ($out, $err) = ('', '');
	my $before = $role ? "SET ROLE $role;" : '';
	$on->psql('postgres', "SET statement_timeout = '60s'; $before 
		SELECT $columns FROM unnest($asked) WITH ORDINALITY AS s (sql, number), LATERAL db_guard.explain_ddl(s.sql)",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

# What a failed comparison shows: the first line that differs.
sub same
{
	my ($got, $expected, $name) = @_;
	my @got = split /\n/, $got;
	my @expected = split /\n/, $expected;
	my ($first) = grep { ($got[$_] // '') ne ($expected[$_] // '') } 0 .. ($#got > $#expected ? $#got : $#expected);
	ok(!defined $first, $name) or diag("got: $got[$first]\nexpected: $expected[$first]");
}

my ($free, $err) = explained($node);
is($err, '', 'no error on free tables');
my %answered = map { $_ => 1 } $free =~ /^(\d+)\|/mg;
is(scalar(keys %answered), scalar(@statements), 'every statement is answered');
unlike($free, qr/\|unknown$/m, 'none is unknown');

# --- everything locked by somebody else -----------------------------------------------------------

my @tables = split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT oid::regclass FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY relkind DESC, oid
SQL
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; REFRESH MATERIALIZED VIEW totals; ' . join ' ',
	map { "LOCK TABLE $_ IN ACCESS EXCLUSIVE MODE;" } @tables);
my ($locked, $locked_err) = explained($node);
is($locked_err, '', 'no error and no waiting where another session holds ACCESS EXCLUSIVE on all');
# What could not be looked at makes an answer an estimate and changes nothing else.
(my $locked_effects = $locked) =~ s/\|\w+$//mg;
(my $free_effects = $free) =~ s/\|\w+$//mg;
my @lines = split /\n/, $locked_effects;
is(scalar(@lines), scalar(split /\n/, $free_effects), 'as many rows');
unlike($locked, qr/\|unknown$/m, 'none is unknown');

my $pid = $holder->query_safe('SELECT pg_backend_pid()');
is($node->safe_psql('postgres', q{SELECT DISTINCT blocked_by FROM db_guard.explain_ddl('ALTER TABLE orders ADD COLUMN a integer')}),
	"{$pid}", 'who is in the way');
$holder->query_safe('ROLLBACK');
is($node->safe_psql('postgres', q{SELECT DISTINCT blocked_by FROM db_guard.explain_ddl('ALTER TABLE orders ADD COLUMN a integer')}),
	'{}', 'and when nobody is');

# --- it leaves nothing behind ---------------------------------------------------------------------

my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe("SELECT count(*) FROM unnest($asked) AS s (sql), LATERAL db_guard.explain_ddl(s.sql)");
is($session->query_safe(<<'SQL'), '', 'no lock on a table of anybody is held afterwards');
SELECT DISTINCT relation::regclass, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation >= 16384
   AND relation NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'db_guard'::regnamespace)
SQL
is($session->query_safe('SELECT pg_current_xact_id_if_assigned() IS NULL'), 't', 'no transaction number was taken');
$session->query_safe('ROLLBACK');
$session->quit;

# --- who may ask ----------------------------------------------------------------------------------

my ($humble, $humble_err) = explained($node, 'nobody_special');
is($humble_err, '', 'anybody may ask');
my %told = map { $_ => 1 } $humble =~ /^(\d+)\|/mg;
is(scalar(keys %told), scalar(@statements), 'and gets an answer to every statement');
unlike($humble, qr/\|unknown$/m, 'none is unknown');

# --- a standby ------------------------------------------------------------------------------------

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my ($far, $far_err) = explained($standby);
is($far_err, '', 'a standby answers');
same($far, $free, 'the same');
$standby->stop;

# --- bad input ------------------------------------------------------------------------------------

my $bad = <<'SQL';
\set x 1
ALTER TABLE orders ADD COLUMN a integer;
SELCT 1;
ALTER TABLE missing ADD COLUMN a integer;
SELECT $1;
COPY orders FROM stdin;
1	2	'x;
\.
DROP TABLE orders
SQL
is($node->safe_psql('postgres', "SELECT statement, line, command, relation, certainty, proof FROM db_guard.explain_ddl(\$bad\$$bad\$bad\$) WHERE relation IS NULL OR relation IN ('orders')"),
	<<'ROWS' =~ s/\n\z//r, 'each statement has its row, and its line');
1|1|||unknown|line 1: \set x 1: a command of psql, not of SQL
2|2|ALTER TABLE|orders|exact|
3|3|||unknown|line 3: syntax error at or near "SELCT"
4|4|ALTER TABLE||estimated|the server will refuse it: relation "missing" does not exist
5|5|SELECT||exact|
6|6|COPY|orders|estimated|
7|9|DROP TABLE|orders|estimated|
ROWS
foreach my $nothing ('', ' ', ';', '-- nothing', "\\\\")
{
	$node->safe_psql('postgres', "SELECT * FROM db_guard.explain_ddl(\$n\$$nothing\$n\$)");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM db_guard.explain_ddl(NULL)'), '0', 'NULL: no row');

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
