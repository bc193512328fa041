# The examples of the documentation do what it says. Blocks marked ```sql run in the order in which they stand, in a
# fresh database for each page, and what the block behind them shows is what comes out. Statements behind a prompt (=#)
# run, too. What stands for something else, as "..." does, is marked ```sql sketch and only has to be there.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What the pages take for granted: the tables that they talk about.
my %given = (
	'audit.md' => q{
		CREATE TABLE customers (id bigint PRIMARY KEY, name text, card_number text, last_seen timestamptz);},
	'column-triggers.md' => q{
		CREATE ROLE app;
		CREATE TABLE items (id integer PRIMARY KEY, name text UNIQUE, price integer, owner text, updated_at timestamptz,
			revision bigint, version bigint, created_by text, deleted_at timestamptz);
		INSERT INTO items (id, name, price, version) VALUES (1, 'one', 5, 8), (2, 'two', 5, 8);
		CREATE SCHEMA app;
		CREATE TABLE app.notes (id integer, updated_at timestamptz, deleted_at timestamptz);},
	'batches.md' => q{
		CREATE TABLE orders (id bigint PRIMARY KEY, price numeric, amount integer, total numeric);
		INSERT INTO orders SELECT g, g, 2 FROM generate_series(1, 3000) g;
		CREATE TABLE events (id bigint PRIMARY KEY, created_at timestamptz);
		INSERT INTO events SELECT g, now() - g * interval '1 day' FROM generate_series(1, 1000) g;},
	'locks.md' => q{
		CREATE TABLE orders (id bigint PRIMARY KEY);},
);

my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "session_preload_libraries = 'db_guard'\nmax_worker_processes = 16\n");
$node->start;

# Pairs of the word behind the fence and the text of the block.
sub blocks_of
{
	my $page = slurp_file("docs/$_[0]");
	my @blocks;
	push @blocks, [ $1, $2 ] while $page =~ /^```([^\n]*)\n(.*?)^```$/msg;
	return @blocks;
}

# Blanks and dashes depend on how wide a column is.
sub plain
{
	my $text = shift;
	$text =~ s/^psql:\S+ //mg;
	$text =~ s/^LOCATION:.*\n//mg;
	$text =~ s/-{2,}/-/g;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/ $//mg;
	$text =~ s/^\(\d+ rows?\)\n//mg;
	$text =~ s/\n+/\n/g;
	$text =~ s/^\s+|\s+$//g;
	return $text;
}

sub run_example
{
	my ($database, $sql) = @_;
	my ($stdout, $stderr) = ('', '');
	my $code = $node->psql($database, $sql, stdout => \$stdout, stderr => \$stderr, on_error_stop => 1,
		extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off', '-P', 'footer=off' ]);
	return ($code, plain($stdout), plain($stderr));
}

# A session as psql shows it: statements behind prompts, each with what it prints, if that is shown.
sub check_session
{
	my ($database, $text) = @_;
	for my $part (split /^=# /m, $text)
	{
		next if $part eq '';
		my ($statement, $shown) = $part =~ /\A(.*?;[^\n]*)\n(.*)\z/s;
		my ($code, $out, $error) = run_example($database, $statement);
		like($out . $error, qr/\Q@{[ plain($shown) ]}\E\z/, "shown: $statement") if $shown =~ /\S/;
		ok($code == 0 || $shown =~ /^ERROR/, "runs: $statement") or diag($error);
	}
	return;
}

sub check_page
{
	my $page = shift;
	(my $database = $page) =~ s/\W/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION db_guard; $given{$page}");
	my ($run, $last) = (0, undef);
	for my $block (blocks_of($page))
	{
		my ($kind, $text) = @$block;
		if ($kind eq 'sql')
		{
			my ($code, $out, $error) = run_example($database, $text);
			is($code, 0, 'runs: ' . ($text =~ /([^\n]*)/)[0]) or diag($error);
			$last = $out;
			$run++;
		}
		elsif ($kind eq '' && $text =~ /^=# /) { check_session($database, $text); $run++; }
		elsif ($kind eq '' && defined $last && $text =~ /^-+\+/m) { like($last, qr/\Q@{[ plain($text) ]}\E\z/, 'and prints what is shown'); }
	}
	cmp_ok($run, '>', 0, 'has examples');
	return;
}

for my $page (sort keys %given)
{
	subtest $page => sub { check_page($page) };
}

$node->stop;
done_testing();
