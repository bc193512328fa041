# Every rule tells the truth: its example is reported by it, its good example by none, and the lock
# and the work that it claims are what the server takes and does when nobody guards.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('truth');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard');

# Rules that look at the same statement from another side, so that an example cannot avoid them.
my %company = (
	'drop-index-in-use' => ['drop-index-blocking'],
	'alter-column-type-foreign-key' => ['alter-column-type-rewrite']);

# One session of its own, so that no table is "made by this session" unless the script makes it.
# Returns what it said on both channels.
sub session
{
	my ($script) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', "\\set VERBOSITY verbose\n$script",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

my @fields = qw(rule severity setup example good_example lock_mode work);
my $rows = $node->safe_psql('postgres',
	'SELECT ' . join(', ', map { "encode(convert_to($_, 'UTF8'), 'hex')" } @fields)
	  . ' FROM db_guard.rules ORDER BY rule');
my @rules;
foreach my $row (split /\n/, $rows)
{
	my %rule;
	@rule{@fields} = map { pack('H*', $_) } split /\|/, $row;
	push @rules, \%rule;
}
cmp_ok(scalar @rules, '>=', 17, 'there are rules');

my $schemas = 0;

# Makes the tables of a rule in a schema of their own, and returns what puts a session there.
sub set_the_stage
{
	my ($rule) = @_;
	my $schema = 'stage_' . ++$schemas;
	$node->safe_psql('postgres', <<"SQL");
SET db_guard.mode = off;
CREATE SCHEMA $schema;
SET search_path = $schema;
$rule->{setup}
TRUNCATE db_guard.ddl_log;
SQL
	return "SET search_path = $schema; SET db_guard.small_table_size = 0;\n";
}

# The tables of a rule's setup; the statement is about the last one.
sub main_table
{
	my ($rule) = @_;
	my @tables = $rule->{setup} =~ /CREATE TABLE (\w+)/g;
	return $tables[-1];
}

# Slugs that the log has for the statements since the stage was set, with the outcomes.
sub logged
{
	my ($column) = @_;
	my $source = $column eq 'rule'
	  ? "SELECT f.value ->> 'rule' AS x FROM db_guard.ddl_log, jsonb_array_elements(findings) f"
	  : 'SELECT outcome AS x FROM db_guard.ddl_log';
	return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT x, ' ' ORDER BY x) FROM ($source) s");
}

sub refuses_its_example
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my ($out, $err) = session("${stage}SET db_guard.mode = block;\n$rule->{example}");
	my $warns = $rule->{rule} eq 'drop-index-blocking';
	my $level = $warns ? 'WARNING:  01000' : 'ERROR:  DG001';
	like($err, qr/$level: .*\nDETAIL:  db_guard rule \Q$rule->{rule}\E: /, 'the rule reports it');
	is(() = $err =~ /^(?:psql:[^:]*:\d+: )?(?:ERROR|WARNING): /mg, 1, 'in one message');
	my @expected = sort $rule->{rule}, @{ $company{ $rule->{rule} } // [] };
	is(logged('rule'), "@expected", 'no other rule does');
	is(logged('outcome'), $warns ? 'warned' : 'blocked', 'the log has the outcome');
	my $table = main_table($rule);
	like($err, qr/^TABLE NAME:  $table$/m, 'the error names the table') unless $warns;
	return;
}

sub lets_its_good_example_pass
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $good = $rule->{good_example};
	my ($out, $err) = session("${stage}SET db_guard.mode = block; SET db_guard.show_notes = on;
		SET client_min_messages = debug1;\n$good");
	unlike($err, qr/ERROR: |db_guard rule /, 'nothing is reported');
	unlike($err, qr/rewriting table/, 'no rewrite');
	# VALIDATE CONSTRAINT scans under SHARE UPDATE EXCLUSIVE, which is its whole point.
	is(() = $err =~ /verifying table/g, () = $good =~ /VALIDATE/g, 'no scan but that of VALIDATE');
	if ($good !~ /db_guard\.allow/)
	{
		is(logged('rule'), '', 'nothing is found');
		is(logged('outcome'), 'done', 'everything is done');
		return;
	}
	like(logged('outcome'), qr/\ballowed\b/, 'the override was needed');
	unlike(logged('outcome'), qr/blocked|warned/, 'and enough');
	is(logged('rule'), $rule->{rule}, 'nothing else is found');

	my $bare = join "\n", grep { !/db_guard\./ } split /\n/, $good;
	$stage = set_the_stage($rule);
	($out, $err) = session("${stage}SET db_guard.mode = block;\n$bare");
	like($err, qr/ERROR:  DG001/, 'without the override it is refused');
	return;
}

my @strength = qw(AccessShareLock RowShareLock RowExclusiveLock ShareUpdateExclusiveLock ShareLock
  ShareRowExclusiveLock ExclusiveLock AccessExclusiveLock);
my %rank = map { $strength[$_] => $_ } 0 .. $#strength;

# What a transaction with the statement in it holds and has changed at its end.
sub observe
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $table = main_table($rule);
	my $files = q{SELECT pg_relation_filenode(:table), (SELECT string_agg(indexrelid || '='
		|| pg_relation_filenode(indexrelid), ' ') FROM pg_index WHERE indrelid = :table);};
	my ($out, $err) = session(<<"SQL");
$stage
SET db_guard.mode = off;
SELECT '$table'::regclass::oid AS table \\gset
BEGIN;
$files
SET client_min_messages = debug1;
$rule->{example}
RESET client_min_messages;
$files
SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = :table;
ROLLBACK;
SQL
	my ($before, $after, @locks) = split /\n/, $out;
	my ($heap, $indexes) = split /\|/, $before, -1;
	my ($heap_after, $indexes_after) = split /\|/, $after, -1;
	my %known = map { $_ => 1 } split / /, $indexes;
	my $built = grep { !$known{$_} } split / /, $indexes_after;
	my $work =
	    $heap ne $heap_after ? 'rewrite'
	  : $built ? 'index build'
	  : $err =~ /verifying table "$table"/ ? 'scan'
	  : 'none';
	my ($lock) = sort { $rank{$b} <=> $rank{$a} } @locks;
	unlike($err, qr/ERROR: |db_guard rule/, 'the server does it');
	return ($lock, $work);
}

# A statement that fails gives its lock back; it is seen while it waits for a reader.
sub observe_failure
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $table = main_table($rule);
	my $reader = $node->background_psql('postgres');
	$reader->query_safe("$stage BEGIN; SELECT FROM $table LIMIT 1");
	my $writer = $node->background_psql('postgres', on_error_stop => 0);
	$writer->query_safe("$stage SET db_guard.mode = off");
	$writer->query_until(qr/^started$/m, "\\set VERBOSITY verbose\n\\echo started\n$rule->{example}\n");
	my $waiting = 'FROM pg_locks WHERE NOT granted AND relation IS NOT NULL';
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $waiting") or die 'nobody waits';
	my $lock = $node->safe_psql('postgres', "SELECT mode $waiting");
	$reader->quit;
	$writer->query_until(qr/^ended$/m, "\\echo ended\n");
	like($writer->{stderr}, qr/ERROR:  23502: /, 'the server refuses');
	$writer->quit;
	return ($lock, 'error');
}

foreach my $rule (@rules)
{
	subtest "$rule->{rule}: the example is reported" => sub { refuses_its_example($rule) };
	subtest "$rule->{rule}: the good example is not" => sub { lets_its_good_example_pass($rule) };
	subtest "$rule->{rule}: lock and work are what it says" => sub {
		my ($lock, $work) = $rule->{work} eq 'error' ? observe_failure($rule) : observe($rule);
		is($lock, $rule->{lock_mode}, 'lock');
		is($work, $rule->{work}, 'work');
	};
}

# The rule that only warns as long as nobody is in the way.
subtest 'drop-index-blocking blocks when somebody holds the table' => sub {
	my ($rule) = grep { $_->{rule} eq 'drop-index-blocking' } @rules;
	my $stage = set_the_stage($rule);
	my $reader = $node->background_psql('postgres');
	$reader->query_safe("$stage BEGIN; SELECT FROM orders LIMIT 1");
	my ($out, $err) = session("$stage$rule->{example}");
	like($err, qr/ERROR:  DG001: .*\nDETAIL:  db_guard rule drop-index-blocking: /, 'blocked');
	$reader->quit;
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
