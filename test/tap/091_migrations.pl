# Folders of migrations as drizzle-kit and Prisma leave them: each file is checked, and then run statement by
# statement with the guard on. What the linter says beforehand is what the guard then refuses.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('migrations');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nautovacuum = off\ndb_guard.policy_packs = ''\n");
$node->start;

sub slurp_text {
    my $file = shift;
    open my $from, '<', $file or die "$file: $!";
    local $/;
    return scalar <$from>;
}

# [first line, text] of each statement, cut as drizzle's migrator does, or at semicolons that end a line.
sub statements_of {
    my $text = shift;
    my $cut = $text =~ /--> statement-breakpoint/ ? qr/--> statement-breakpoint/ : qr/;$/m;
    my ($line, @found) = (1);
    while ($text =~ /\G(.*?)(?:$cut|\z)/gs) {
        my ($part, $whole) = ($1, $&);
        last if $whole eq '';
        (my $blanks = $part) =~ s/\A((?:\s|--[^\n]*\n|\/\*.*?\*\/)*).*\z/$1/s;
        push @found, [ $line + ($blanks =~ tr/\n//), $part ] if $part =~ /\S/;
        $line += $whole =~ tr/\n//;
    }
    return @found;
}

# The rules by which the linter would block, as "line rule", for the file as it stands.
sub foretold {
    my ($database, $text) = @_;
    (my $plain = $text) =~ s/^-- db_guard: allow/-- allowed: /mg;
    my $found = $node->safe_psql($database,
        "SELECT line || ' ' || rule FROM db_guard.check_sql(\$file\$$plain\$file\$) WHERE severity = 'block' ORDER BY line, rule");
    return split /\n/, $found;
}

# The same of the guard, while the file is run; what it refuses is run once more, allowed.
sub refused {
    my ($database, $text) = @_;
    my @refused;
    for my $statement (statements_of($text)) {
        my ($line, $sql) = @$statement;
        my ($status, undef, $error) = $node->psql($database, $sql);
        next if $status == 0;
        my @rules = $error =~ /db_guard rule ([a-z-]+):/g;
        die "$sql: $error" unless @rules;
        my %once = map { $_ => 1 } @rules;
        push @refused, map { "$line $_" } sort keys %once;
        $node->safe_psql($database, "SET db_guard.allow = 'all'; $sql");
    }
    return @refused;
}

sub unique_of {
    my %seen;
    return join "\n", grep { !$seen{$_}++ } @_;
}

# Rows for every table, and a session that has not made it.
my $fill = <<'SQL';
SET session_replication_role = replica;
SELECT format('INSERT INTO %I.%I SELECT (jsonb_populate_record(NULL::%I.%I, %L)).*', n, t, n, t, row)
  FROM (SELECT table_schema AS n, table_name AS t,
               jsonb_object_agg(column_name, CASE
                   WHEN data_type = 'uuid' THEN to_jsonb(gen_random_uuid())
                   WHEN data_type = 'boolean' THEN 'true'
                   WHEN data_type = 'jsonb' THEN '{}'
                   WHEN data_type ~ '^timestamp' THEN '"2024-01-01"'
                   WHEN data_type = 'USER-DEFINED' THEN to_jsonb((SELECT min(enumlabel) FROM pg_enum e JOIN pg_type y ON y.oid = e.enumtypid WHERE y.typname = udt_name))
                   ELSE '"1"' END) AS row
          FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1, 2) AS made
SQL

# Once is enough where a table cannot take the row twice.
sub fill {
    my $database = shift;
    $node->psql($database, "$fill \\gexec", on_error_stop => 0);
    is($node->safe_psql($database, "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) = 0"),
        '0', "$database: no table is empty");
}

sub run_folder {
    my ($database, @files) = @_;
    my %found;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql('postgres', "ALTER DATABASE $database SET db_guard.small_table_size = 0");
    $node->safe_psql($database, 'CREATE EXTENSION db_guard');
    my $first = shift @files;
    is($node->safe_psql($database, "SELECT count(*) FROM db_guard.check_sql(\$file\$" . slurp_text($first) . "\$file\$)"), '0',
        "$first: tables that are made are nobody's yet");
    is_deeply([ refused($database, slurp_text($first)) ], [], "$first: and are made with the guard on");
    for my $file (@files) {
        fill($database);
        my $text = slurp_text($file);
        my @foretold = foretold($database, $text);
        my @refused = refused($database, $text);
        is(unique_of(sort @foretold), unique_of(sort @refused), "$file: the guard refuses what was foretold");
        $found{$file} = join ' ', @foretold;
    }
    return %found;
}

my $folder = 'test/migrations/drizzle';
my %found = run_folder('drizzle', sort glob "$folder/*.sql");
unlike($found{"$folder/0001_step2.sql"}, qr/add-column/, 'drizzle: a column with a constant default is harmless');
for my $rule (qw(alter-column-type-rewrite set-not-null create-index-blocking drop-column)) {
    like($found{"$folder/0002_step3.sql"}, qr/\b$rule\b/, "drizzle: $rule");
}
like($found{"$folder/0003_step4.sql"}, qr/^3 add-column-volatile-default\b/, 'drizzle: a volatile default, and a new type');

my @prisma = sort glob 'test/migrations/prisma/*/migration.sql';
%found = run_folder('prisma', @prisma);
is($found{ $prisma[1] }, '', 'prisma: constant defaults, also of a new type, are harmless');
like($found{ $prisma[2] }, qr/^9 set-not-null\b.*\b14 drop-column\b.*\b17 create-index-blocking\b/, 'prisma: hazards');

# As CI would: the folder, against a database that has all but the last migration and no data.
$node->safe_psql('postgres', 'CREATE DATABASE ci');
$node->safe_psql('ci', 'CREATE EXTENSION db_guard');
$node->safe_psql('ci', slurp_text($_)) for @prisma[ 0, 1 ];
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
my $report = qx(db_guard_check -d ci $prisma[2]);
is($? >> 8, 1, 'db_guard_check blocks the last migration');
like($report, qr/^\Q$prisma[2]\E:9: block: SET NOT NULL/m, 'with its file and line');
unlike($report, qr/drop-column/, 'and lets pass what a comment allows');

done_testing();
