# Whatever a transaction has done, reverting it gives the tables back as they were, and reverting that gives them as
# it left them; or it is refused by a constraint, and then nothing is done. Random transactions insert, change and
# delete rows and keys of tables that cascade to each other, one of them to itself, and that triggers maintain.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{SEED} || 122;
note("SEED=$seed");
srand $seed;

my $node = PostgreSQL::Test::Cluster->new('revert');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\n");
$node->start;

# What is compared: not the columns that triggers maintain.
my %columns = (area => 'id, v, s', shop => 'id, area, v', shelf => 'shop, n, v, s', staff => 'id, area, boss, v', scrap => 'v, s::text');
my @tables = sort keys %columns;

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
ALTER SYSTEM SET db_guard.mode = off;
SELECT pg_reload_conf();
CREATE TABLE area (id int PRIMARY KEY, v int, s text, updated_at timestamptz DEFAULT now());
CREATE TABLE shop (id int PRIMARY KEY, area int REFERENCES area ON UPDATE CASCADE ON DELETE CASCADE, v int, updated_at timestamptz);
CREATE TABLE shelf (shop int REFERENCES shop ON UPDATE CASCADE ON DELETE CASCADE, n int, v int, s text, version int NOT NULL DEFAULT 1,
  PRIMARY KEY (shop, n));
CREATE TABLE staff (id int PRIMARY KEY, area int REFERENCES area ON UPDATE CASCADE ON DELETE SET NULL,
  boss int REFERENCES staff ON UPDATE CASCADE ON DELETE CASCADE, v int);
CREATE TABLE scrap (v int, s json);
SELECT db_guard.enable_updated_at('area', clock => 'wall'), db_guard.enable_updated_at('shop'), db_guard.enable_row_version('shelf');
SELECT db_guard.enable_audit(t::regclass) FROM unnest('{area,shop,shelf,staff,scrap}'::text[]) AS t;
INSERT INTO area (id, v, s) SELECT g, g, 's' || g FROM generate_series(1, 8) AS g;
INSERT INTO shop (id, area, v) SELECT g, 1 + g % 8, g FROM generate_series(1, 12) AS g;
INSERT INTO shelf (shop, n, v) SELECT 1 + g % 12, g % 3, g FROM generate_series(1, 15) AS g ON CONFLICT DO NOTHING;
INSERT INTO staff SELECT g, 1 + g % 8, CASE WHEN g > 2 THEN 1 + g % 2 END, g FROM generate_series(1, 8) AS g;
INSERT INTO scrap SELECT g % 3, '{}' FROM generate_series(1, 6) AS g;
SQL

# FUNCTION(SCHEMA): what differs between the tables and the copies of them in that schema.
sub define_difference
{
	my ($name, $other) = @_;
	my $counts = join "\n", map {
		my $copy = $other->($_);
		"SELECT count(*) INTO differing FROM ((SELECT $columns{$_} FROM $_ EXCEPT ALL SELECT $columns{$_} FROM $copy)
		  UNION ALL (SELECT $columns{$_} FROM $copy EXCEPT ALL SELECT $columns{$_} FROM $_)) AS d;
		IF differing > 0 THEN found := found || ' $_ ' || differing; END IF;"
	} @tables;
	$node->safe_psql('postgres', "CREATE FUNCTION $name() RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE differing bigint; found text := ''; BEGIN $counts RETURN found; END \$\$");
}

foreach my $copy ('before', 'after')
{
	$node->safe_psql('postgres', join ';', "CREATE SCHEMA $copy", map { "CREATE TABLE $copy.$_ AS TABLE $_" } @tables);
	define_difference("since_$copy", sub { "$copy.$_[0]" });
}
define_difference('unlogged', sub { "db_guard.audit_as_of(NULL::$_[0], 'infinity')" });

sub number { return 1 + int rand($_[0] // 14) }

my @statements = (
	sub { 'INSERT INTO area (id, v) VALUES (' . number(30) . ', ' . number() . ') ON CONFLICT DO NOTHING' },
	sub { 'UPDATE area SET v = v + 1 WHERE id % 3 = ' . (number(3) - 1) },
	sub { 'UPDATE area SET id = ' . number(30) . ' WHERE id = ' . number() },
	sub { 'UPDATE area SET id = id + 100 WHERE id = ' . number() },
	sub { 'DELETE FROM area WHERE id = ' . number() },
	sub { "UPDATE area SET s = 't', v = " . number() . ' WHERE id = ' . number() },
	sub { 'INSERT INTO shop (id, area, v) SELECT ' . number(40) . ', id, 1 FROM area ORDER BY id LIMIT 1 ON CONFLICT DO NOTHING' },
	sub { 'UPDATE shop SET area = (SELECT max(id) FROM area), v = v + 1 WHERE id = ' . number() },
	sub { 'UPDATE shop SET id = id + 200 WHERE id = ' . number() },
	sub { 'DELETE FROM shop WHERE id = ' . number() },
	sub { 'INSERT INTO shelf (shop, n, v) SELECT id, ' . number(5) . ', 2 FROM shop ORDER BY id LIMIT 2 ON CONFLICT DO NOTHING' },
	sub { "UPDATE shelf SET v = v + 1, s = 'q' WHERE shop = " . number() },
	sub { 'UPDATE shelf SET n = n + 10 WHERE shop = ' . number() },
	sub { 'DELETE FROM shelf WHERE n = ' . (number(3) - 1) . ' AND shop = ' . number() },
	sub { 'INSERT INTO staff SELECT ' . number(40) . ', (SELECT min(id) FROM area), (SELECT min(id) FROM staff), 3 ON CONFLICT DO NOTHING' },
	sub { 'UPDATE staff SET v = v + 1, boss = (SELECT max(id) FROM staff WHERE boss IS NULL) WHERE boss IS NOT NULL AND id = ' . number() },
	sub { 'UPDATE staff SET id = id + 300 WHERE id = ' . number() },
	sub { "INSERT INTO scrap VALUES (" . number(3) . ", '[]'); DELETE FROM scrap WHERE ctid = (SELECT min(ctid) FROM scrap)" },
	sub { 'UPDATE scrap SET v = v + 1 WHERE v = ' . number(3) },
);

# One that a constraint refuses is left out.
sub random_statement
{
	return "SAVEPOINT one;\n" . $statements[ rand @statements ]->() . ";\n\\if :ERROR\nROLLBACK TO one;\n\\endif\n";
}

sub copy_to { return join '', map { "TRUNCATE $_[0].$_; INSERT INTO $_[0].$_ TABLE $_;\n" } @tables }

my $rounds = 150;
my $script = "\\set VERBOSITY sqlstate\nSET client_min_messages = error;\n";
foreach my $round (1 .. $rounds)
{
	$script .= copy_to('before') . "BEGIN;\n" . join('', map { random_statement() } 1 .. number(7));
	$script .= "SELECT pg_current_xact_id() AS txid \\gset\nCOMMIT;\n" . copy_to('after');
	$script .= <<"PSQL";
SELECT since_before() <> '' AS changed \\gset
\\if :changed
BEGIN;
SELECT db_guard.revert_transaction(:'txid') \\g /dev/null
\\if :ERROR
\\set refused :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT 'round $round refused ' || :'refused' || ' left' || since_after() || ' log' || unlogged();
\\else
SELECT pg_current_xact_id() AS again \\gset
COMMIT;
SELECT 'round $round reverted left' || since_before() || ' log' || unlogged();
SELECT db_guard.revert_transaction(:'again') \\g /dev/null
\\if :ERROR
SELECT 'round $round refused ' || :'LAST_ERROR_SQLSTATE' || ' left' || since_before() || ' log' || unlogged();
\\else
SELECT 'round $round repeated left' || since_after() || ' log' || unlogged();
\\endif
\\endif
\\endif
PSQL
}

my $out = '';
$node->psql('postgres', $script, stdout => \$out, stderr => \my $err, on_error_stop => 0);
my @lines = grep { /^round/ } split /\n/, $out;
my @refused = grep { / refused / } @lines;
my $reverted = grep { / reverted left log$/ } @lines;
my $repeated = grep { / repeated left log$/ } @lines;
note(scalar(@lines) . " outcomes: $reverted reverted, $repeated repeated, " . scalar(@refused) . ' refused');
is_deeply([ grep { !/ (?:reverted|repeated|refused (?:23\w{3}|27000)) left log$/ } @lines ], [], 'all or nothing, and the log replays');
cmp_ok($reverted, '>=', 100, 'enough has been reverted');
cmp_ok($repeated, '>=', 0.95 * $reverted, 'and nearly all of that done again');
cmp_ok(scalar(@refused), '<=', 2, 'hardly one is refused');

$node->stop;
done_testing();
