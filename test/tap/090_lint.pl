# The linter as CI uses it: check_sql on a standby, beside locks and for anybody; sizes that are lent; and the
# command db_guard_check with its files, formats and exit codes.
#
# lock_timeout is off: a check that waits would wait for ever; statement_timeout ends that with 57014, which
# no assertion accepts. Nothing here measures time.
use strict;
use warnings;

use File::Path qw(make_path);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('lint');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
autovacuum = off
lock_timeout = 0
db_guard.policy_packs = ''
CONF
$node->start;
$node->safe_psql('postgres', $_) for 'CREATE DATABASE production', 'CREATE DATABASE ci', 'CREATE DATABASE bare';
my $schema = <<'SQL';
CREATE EXTENSION db_guard;
SET db_guard.mode = off;
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, note text);
CREATE TABLE tiny (id bigint PRIMARY KEY, note text);
CREATE INDEX orders_note ON orders (note);
CREATE TABLE parts (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SQL
$node->safe_psql($_, $schema) for qw(production ci);
$node->safe_psql('production', <<'SQL');
INSERT INTO orders SELECT g, g, repeat('x', 500) FROM generate_series(1, 40000) g;
INSERT INTO parts SELECT '2020-01-01'::date + g % 300, repeat('x', 500) FROM generate_series(1, 30000) g;
INSERT INTO tiny VALUES (1, 'x');
ANALYZE;
CREATE ROLE nobody_special LOGIN;
SQL

# --- check_sql ------------------------------------------------------------------------------------

my $unique = 'ALTER TABLE orders ADD UNIQUE (note)';

# With a limit that ends a wait; undef where the statement failed.
sub check {
    my ($where, $database, $sql, $settings) = @_;
    my ($status, $out, $err) = $where->psql($database,
        "SET statement_timeout = '60s'; " . ($settings // '') . "; SELECT string_agg(rule || ' ' || severity, ',') FROM db_guard.check_sql(\$check\$$sql\$check\$)");
    note $err if $err ne '';
    return $status == 0 ? $out : undef;
}

is(check($node, 'production', $unique), 'add-unique-constraint block', 'a hazard is found');
is(check($node, 'ci', $unique), '', 'not in a database without data');
is(check($node, 'ci', $unique, 'SET db_guard.assume_large_tables = on'), 'add-unique-constraint block',
    'but there, too, where tables are taken for large');

my $holder = $node->background_psql('production', on_error_stop => 1) if $node->can('background_psql');
SKIP: {
    skip 'no background_psql before 16 that takes queries', 1 unless $holder && $holder->can('query');
    $holder->query_safe('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    is(check($node, 'production', $unique), 'add-unique-constraint block', 'nobody waits for a lock of another');
    $holder->quit;
}

sub locks { return $node->safe_psql('production', <<"SQL") }
BEGIN;
SELECT count(*) \\gset checked_
SELECT count(*) AS found FROM db_guard.check_sql('$unique; DROP INDEX orders_note; ALTER TABLE orders ALTER total TYPE text') \\gset
SELECT :found > 1, count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384
   AND relation <> ALL (ARRAY(SELECT oid FROM pg_class WHERE relnamespace = 'db_guard'::regnamespace));
SQL
is(locks(), 't|0', 'no lock on a table is left');

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('lint_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(check($standby, 'production', $unique), 'add-unique-constraint block', 'a standby answers, too');
$standby->stop('immediate');

is(check($node, 'production', 'ALTER TABLE orders DROP COLUMN note', 'SET ROLE nobody_special'), 'not-judged warn',
    'whoever may not run the statement is told so');
my ($status, $out, $err) = $node->psql('production', q(SET ROLE nobody_special; SELECT db_guard.import_sizes('{}')));
like($err, qr/permission denied for function import_sizes/, 'only the owner lends sizes');
is($node->safe_psql('production', q(SET ROLE nobody_special; SELECT db_guard.export_sizes() -> 'version')), '1',
    'anybody may read them');

# --- sizes ----------------------------------------------------------------------------------------

my $folder = PostgreSQL::Test::Utils::tempdir;
my $sizes = "$folder/sizes.json";
write_file($sizes, $node->safe_psql('production', 'SELECT db_guard.export_sizes()'));

sub write_file {
    my ($file, $text) = @_;
    (my $parent = $file) =~ s{/[^/]*$}{};
    make_path($parent);
    open my $to, '>:raw', $file or die "$file: $!";
    print {$to} $text;
    close $to or die "$file: $!";
    return $file;
}

sub slurp_bytes {
    my $file = shift;
    open my $from, '<:raw', $file or die "$file: $!";
    local $/;
    return scalar <$from>;
}

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'ci';

# [exit code, output, errors] of the command in that folder.
sub command {
    my ($in, @arguments) = @_;
    my $cwd = PostgreSQL::Test::Utils::tempdir;
    my ($stdout, $stderr) = ("$cwd/out", "$cwd/err");
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        chdir $in or die "$in: $!";
        open STDOUT, '>', $stdout or die;
        open STDERR, '>', $stderr or die;
        exec 'db_guard_check', @arguments or exit 127;
    }
    waitpid $pid, 0;
    return [ $? >> 8, slurp_bytes($stdout), slurp_bytes($stderr) ];
}

# The places of the findings, in order.
sub places {
    my $answer = shift;
    return join ' ', $answer->[1] =~ /^(\S+:\d+): (?:block|warn|note):/mg;
}

my $plain = "$folder/plain";
write_file("$plain/1_orders.sql", "-- why\n$unique;\n");
write_file("$plain/2_tiny.sql", "ALTER TABLE tiny ADD UNIQUE (note);\nALTER TABLE parts ADD UNIQUE (at, what);\n");

my $answer = command($plain, '.');
is($answer->[0], 1, 'an empty database is no all-clear') or diag(@$answer);
is(places($answer), '1_orders.sql:2 2_tiny.sql:1 2_tiny.sql:2', 'every table that is there is taken for large');
like($answer->[1], qr/of unknown size, taken for large/, 'and the message says so');

$answer = command($plain, '--sizes', $sizes, '.');
is(places($answer), '1_orders.sql:2 2_tiny.sql:2', 'with the sizes of production the small table is small');
like($answer->[1], qr/parts \(\d+ MB, about 30 thousand rows/, 'and a partitioned one as large as its partitions');
is($node->safe_psql('ci', 'SELECT count(*) FROM db_guard.lent_sizes'), '0', 'nothing of them stays');
is(command($plain, "--sizes=$sizes", '2_tiny.sql', '--fail-on=block')->[0], 2, 'options come first');
is(command($plain, '--sizes', '/nowhere', '.')->[0], 2, 'sizes that are not there');
is(command($plain, '--sizes', write_file("$folder/no.json", '[]'), '.')->[0], 2, 'sizes that are none');

# --- exit codes -----------------------------------------------------------------------------------

write_file("$folder/clean/a.sql", "ALTER TABLE orders ADD COLUMN fine text;\n");
$answer = command("$folder/clean", '.');
is_deeply($answer, [ 0, "No findings.\n", '' ], 'nothing found');
write_file("$folder/warned/a.sql", "ALTER TABLE nowhere ADD COLUMN c text;\n\\i b.sql\n");
is(command("$folder/warned", '.')->[0], 0, 'a warning is no failure by default');
is(command("$folder/warned", '--fail-on', 'warn', '.')->[0], 1, 'but it may be');
write_file("$folder/noted/a.sql", "\\echo hello\n");
is(command("$folder/noted", '--fail-on', 'warn', '.')->[0], 0, 'a note is no warning');
is(command("$folder/noted", '--fail-on', 'note', '.')->[0], 1, 'but it may count, too');

for my $wrong ([ 'no files' ], [ 'no such file', 'nothing.sql' ], [ 'no such format', '--format', 'xml', '.' ],
    [ 'no such severity', '--fail-on=error', '.' ], [ 'no such option', '--wrong', '.' ],
    [ 'an option without its value', '--format' ], [ 'no migrations', "$folder" ], [ 'no matches', 'x*.sql' ],
    [ 'no database', '-d', 'nowhere', '.' ], [ 'no extension', '--dbname=bare', '.' ]) {
    my ($name, @arguments) = @$wrong;
    $answer = command($plain, @arguments);
    ok($answer->[0] == 2 && $answer->[1] eq '' && $answer->[2] ne '', "2 and a reason: $name") or diag(@$answer);
}
is(command($plain, '--help')->[0], 0, '--help');
is(command($plain, '-d', 'dbname=ci application_name=check', '--', '.')->[0], 1, 'a connection string, and --');

# --- files and their order ------------------------------------------------------------------------

my $about_nothing = "ALTER TABLE nowhere ADD COLUMN c text;\n";

sub order_of {
    my ($name, $files, @arguments) = @_;
    write_file("$folder/$name/$_", $about_nothing) for @$files;
    my $found = places(command("$folder/$name", @arguments));
    $found =~ s/:1\b//g;
    return $found;
}

is(order_of('prisma', [qw(m/2024_b/migration.sql m/2023_a/migration.sql m/migration_lock.toml)], 'm'),
    'm/2023_a/migration.sql m/2024_b/migration.sql', 'Prisma');
is(order_of('prisma', [], 'm/*/migration.sql'), 'm/2023_a/migration.sql m/2024_b/migration.sql',
    'a pattern in quotes');
is(order_of('diesel', [qw(m/2_b/up.sql m/2_b/down.sql m/1_a/up.sql)], 'm'), 'm/1_a/up.sql m/2_b/up.sql', 'Diesel');
is(order_of('flyway', [qw(V10__c.sql V2__b.sql V1__a.sql V1_1__x.sql U2__b.sql R__views.sql)], '.'),
    'V1__a.sql V1_1__x.sql V2__b.sql V10__c.sql R__views.sql', 'Flyway');
is(order_of('golang', [qw(10_c.up.sql 10_c.down.sql 9_b.up.sql 9_b.down.sql)], '.'), '9_b.up.sql 10_c.up.sql',
    'golang-migrate');
is(order_of('golang', [], '10_c.up.sql', '10_c.down.sql', '9_b.up.sql'), '9_b.up.sql 10_c.up.sql',
    'as a shell would give the files');
is(order_of('golang', [], '--as-given', '10_c.up.sql', '9_b.up.sql'), '10_c.up.sql 9_b.up.sql', 'as given');
is(order_of('golang', [], '10_c.down.sql'), '10_c.down.sql', 'a way back, asked for by name');
write_file("$folder/odd names/$_", $about_nothing) for "it's 1.sql", '2 "$(touch oops)`touch oops`.sql';
$answer = command("$folder/odd names", '.');
like($answer->[1], qr/^it's 1\.sql:1: warn/m, 'a name with a quote and a blank') or diag(@$answer);
like($answer->[1], qr/^2 "\$\(touch oops\)`touch oops`\.sql:1: warn/m, 'a name with commands');
ok(!-e "$folder/odd names/oops", 'and nobody reads them as a command');

# Later files know what earlier ones make; each has its own lines.
write_file("$folder/chain/1.sql", "CREATE TABLE made (id integer);\n\nSET db_guard.allow = 'all';\n");
write_file("$folder/chain/2.sql", "ALTER TABLE made ADD UNIQUE (id);\nALTER TABLE orders DROP COLUMN note;\n");
is(places(command("$folder/chain", '.')), '2.sql:1 2.sql:2', 'files are one script');

# --- whatever is in them --------------------------------------------------------------------------

my $hostile = <<'SQL';
-- `touch oops` $(touch oops) :'format' :script_1 %s \n
SELECT 'it''s', E'\'', $$ ' $$, $x$ $$ ' $x$, "a ' b";
DROP TABLE orders; \! touch oops
COMMIT; SELECT 1; -- \q ');
SQL
write_file("$folder/hostile/1.sql", $hostile . $about_nothing);
$answer = command("$folder/hostile", '--fail-on', 'warn', '.');
like($answer->[1], qr/^1\.sql:5: warn: relation nowhere/m, 'hostile text is read to its end') or diag(@$answer);
ok(!-e "$folder/hostile/oops", 'and not one command of it is run');
is($node->safe_psql('ci', q(SELECT to_regclass('orders'))), 'orders', 'nor a statement');

write_file("$folder/marks/1.sql", "\xef\xbb\xbf$about_nothing");
write_file("$folder/marks/2.sql", "-- \xc3\xa4\r\nALTER TABLE nowhere\r\n  ADD COLUMN c text;\r\n");
write_file("$folder/marks/3.sql", '');
is(places(command("$folder/marks", '.')), '1.sql:1 2.sql:2', 'byte order mark, CRLF, umlaut, nothing at all');

write_file("$folder/large/1.sql",
    join('', map { "INSERT INTO orders (id, note) VALUES ($_, 'a value that takes some room');\n" } 1 .. 130_000) . $about_nothing);
cmp_ok(-s "$folder/large/1.sql", '>', 9_000_000, 'a file that no command line would take');
is(places(command("$folder/large", '.')), '1.sql:130001', 'is read to its end');

# --- formats --------------------------------------------------------------------------------------

write_file("$folder/formats/1.sql", "$unique;\n\\echo\nALTER TABLE nowhere ADD COLUMN c text;\n$unique;\n");

sub report {
    my $format = shift;
    return command("$folder/formats", "--format=$format", '.');
}

my $json = decode_json(report('json')->[1]);
is(join(' ', map { "$_->{file}:$_->{line}:$_->{severity}" } @$json), '1.sql:1:block 1.sql:2:note 1.sql:3:warn 1.sql:4:block',
    'json');
my $gitlab = decode_json(report('gitlab')->[1]);
is(join(' ', map { $_->{severity} } @$gitlab), 'blocker info minor blocker', 'gitlab');
my %prints = map { $_->{fingerprint} => 1 } @$gitlab;
is(keys %prints, 4, 'no fingerprint comes twice');
my @github = split /\n/, report('github')->[1];
is(join(' ', map { /^(::\w+ file=1\.sql,line=\d)/ ? $1 : "? $_" } @github),
    '::error file=1.sql,line=1 ::notice file=1.sql,line=2 ::warning file=1.sql,line=3 ::error file=1.sql,line=4', 'github');
my $sarif_text = report('sarif')->[1];
my $sarif = decode_json($sarif_text);
my $run = $sarif->{runs}[0];
is($sarif->{version}, '2.1.0', 'sarif');
is(scalar(grep { $run->{tool}{driver}{rules}[ $_->{ruleIndex} ]{id} ne $_->{ruleId} } @{ $run->{results} }), 0,
    'every result points to its rule');
is_deeply(decode_json(command("$folder/clean", '--format=json', '.')->[1]), [], 'nothing found, in JSON');

write_file("$folder/moved/1.sql", "-- a line\n\nSELECT 1;\n" . slurp_bytes("$folder/formats/1.sql"));
my $moved = decode_json(command("$folder/moved", '--format=sarif', '.')->[1]);
my @before = map { $_->{partialFingerprints}{'dbGuard/v1'} } @{ $run->{results} };
my @after = map { $_->{partialFingerprints}{'dbGuard/v1'} } @{ $moved->{runs}[0]{results} };
is("@after[-3 .. -1]", "@before[-3 .. -1]", 'fingerprints stay when lines move') or diag("@before\n@after");

# The schema of the standard, from a package that carries it, by the validator that comes along.
SKIP: {
    my $npm = "$folder/npm";
    make_path($npm);
    skip 'npm brings the schema of SARIF, and is not here', 2 if system('command -v npm node >/dev/null 2>&1');
    skip 'the schema of SARIF cannot be had', 2
        if system("cd '$npm' && HOME='$npm' npm install --no-audit --no-fund --ignore-scripts --silent \@microsoft/jest-sarif\@1.0.0-beta.0 >/dev/null 2>&1");
    write_file("$npm/validate.js", <<'JS');
const Ajv = require('ajv'), fs = require('fs');
const ajv = new Ajv({ schemaId: 'auto', meta: false, unknownFormats: 'ignore' });
ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-07.json'));
const validate = ajv.compile(require('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
const report = JSON.parse(fs.readFileSync(process.argv[2]));
if (process.argv[3]) report.runs[0].results[0].level = process.argv[3];
if (!validate(report)) { console.log(JSON.stringify(validate.errors[0])); process.exit(1); }
JS
    write_file("$npm/report.sarif", $sarif_text);
    is(system("cd '$npm' && node validate.js report.sarif"), 0, 'the report is what the standard asks for');
    isnt(system("cd '$npm' && node validate.js report.sarif wrong >/dev/null"), 0, 'and the validator would tell');
}

# --- what has changed -----------------------------------------------------------------------------

SKIP: {
    skip 'git is not here', 5 if system('command -v git >/dev/null 2>&1');
    my $repository = "$folder/repository";
    write_file("$repository/m/1.sql", $about_nothing);
    write_file("$repository/m/2.sql", $about_nothing);
    my $git = "git -C '$repository' -c user.name=test -c user.email=test\@example.org";
    system("$git init -q -b trunk && $git add . && $git commit -qm one") == 0 or die 'git';
    is(command($repository, '--since', 'trunk', 'm')->[1], "No findings.\n", 'nothing has changed');
    system("$git checkout -q -b work") == 0 or die 'git';
    write_file("$repository/m/3.sql", $about_nothing);
    system("$git add . && $git commit -qm two") == 0 or die 'git';
    write_file("$repository/m/2.sql", "\n$about_nothing");
    write_file("$repository/m/4.sql", $about_nothing);
    is(places(command($repository, '--since', 'trunk', 'm')), 'm/2.sql:2 m/3.sql:1 m/4.sql:1',
        'committed, changed in the working tree, and new');
    system("$git stash -qu && $git checkout -q trunk") == 0 or die 'git';
    write_file("$repository/m/1.sql", "\n$about_nothing");
    system("$git commit -qam three && $git checkout -q work") == 0 or die 'git';
    is(places(command($repository, '--since=trunk', 'm')), 'm/3.sql:1', 'what others have changed since is not ours');
    $answer = command($repository, '--since', 'no-such-thing', 'm');
    is($answer->[0], 2, 'no such commit');
    like($answer->[2], qr/fetch-depth/, 'and why that may be');
}

# --- dumps ----------------------------------------------------------------------------------------

$node->safe_psql('ci', q(SELECT db_guard.import_sizes('{"version": 1, "relations": {"public.orders": {"bytes": 1}}}')));
command_ok_and_unlike([ 'pg_dump', '-d', 'ci' ], qr/lent_sizes/, 'sizes that were lent are not dumped');

sub command_ok_and_unlike {
    my ($run, $pattern, $name) = @_;
    my $dump = qx(@$run);
    ok($? == 0 && $dump =~ /CREATE EXTENSION/ && $dump !~ $pattern, $name);
}

done_testing();
