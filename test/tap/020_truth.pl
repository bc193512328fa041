# Every rule tells the truth: its example is reported by it, its good example by none, and the lock
# and the work that it claims are what the server takes and does when nobody guards.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('truth');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nautovacuum = off\n"
	  . "max_locks_per_transaction = 10\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard');

# Rules that look at the same statement from another side, so that an example cannot avoid them.
my %company = (
	'drop-index-in-use' => ['drop-index-blocking'],
	'alter-column-type-foreign-key' => ['alter-column-type-rewrite'],
	'alter-column-type-narrowing' => ['alter-column-type-rewrite']);

# Rules whose example is not the worst that they report: that takes another session, or a statement
# that the server would refuse.
my %milder = (
	'add-column-limit' => 'WARNING',
	'create-partition' => 'NOTICE',
	'detach-partition' => 'NOTICE',
	'drop-foreign-key' => 'NOTICE',
	'drop-index-blocking' => 'WARNING',
	'drop-partition' => 'NOTICE',
	'lock-queue' => 'WARNING',
	'several-tables-locked' => 'NOTICE');
my %level = (block => 'ERROR', warn => 'WARNING', note => 'NOTICE');
my %code = (ERROR => 'DG001', WARNING => '01000', NOTICE => '01000');

# The error names the table that the statement is about, the claim is about another one.
my %named = ('attach-partition' => 'orders', 'default-partition-scan' => 'orders');

# Event triggers see neither these commands nor changes of data.
sub is_seen_by_guard
{
	my ($rule) = @_;
	return 1 if $rule->{family} eq 'transactions';
	return $rule->{example} !~ /^(?:CLUSTER|DELETE|DROP DATABASE|INSERT|LOCK|TRUNCATE|UPDATE|VACUUM)\b/m;
}

# Rules that speak up only where another session is in the way.
my %needs_reader = map { $_ => 1 } qw(lock-queue concurrent-index-waits);

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

# The packs are about how things are declared; 025_packs.pl has their examples.
my $packs = q{('data-types', 'names', 'security', 'structure')};
my @fields = qw(rule family severity setup example good_example lock_mode work since_server);
my $rows = $node->safe_psql('postgres',
	'SELECT ' . join(', ', map { "encode(convert_to(${_}::text, 'UTF8'), 'hex')" } @fields)
	  . " FROM db_guard.rules WHERE family NOT IN $packs ORDER BY rule");
my @rules;
foreach my $row (split /\n/, $rows)
{
	my %rule;
	@rule{@fields} = map { pack('H*', $_) } split /\|/, $row, -1;
	# This server's table of locks is a small one.
	$rule{setup} =~ s/\b(?:1999|2000)\b/$& - 1600/ge if $rule{rule} eq 'lock-fan-out';
	$rule{level} = $milder{ $rule{rule} } // $level{ $rule{severity} };
	push @rules, \%rule;
}
cmp_ok(scalar @rules, '>=', 17, 'there are rules');

# Statements that this server does not know, or does not show to event triggers.
my $server = int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
@rules = grep { $_->{since_server} <= $server } @rules;

my $schemas = 0;

# Makes the tables of a rule in a schema of their own, and returns what puts a session there.
sub set_the_stage
{
	my ($rule) = @_;
	my $earlier = "stage_$schemas";
	my $schema = 'stage_' . ++$schemas;
	my $leftovers = join "\n", map { "DROP $_;" } made_outside($rule);
	$node->safe_psql('postgres', <<"SQL");
SET db_guard.mode = off;
DROP SCHEMA IF EXISTS $earlier CASCADE;
$leftovers
CREATE SCHEMA $schema;
SET search_path = $schema;
$rule->{setup}
TRUNCATE db_guard.ddl_log;
SQL
	return "SET search_path = $schema; SET db_guard.small_table_size = 0;\n";
}

# Schemas and databases of a rule's setup, to be dropped where an earlier stage has left them.
sub made_outside
{
	my ($rule) = @_;
	my @schemas = map { "SCHEMA IF EXISTS $_ CASCADE" } $rule->{setup} =~ /CREATE SCHEMA (\w+)/g;
	push @schemas, map { "SCHEMA IF EXISTS $_ CASCADE" } $rule->{good_example} =~ /ALTER SCHEMA \w+ RENAME TO (\w+)/g;
	return @schemas, map { "DATABASE IF EXISTS $_" } $rule->{setup} =~ /CREATE DATABASE (\w+)/g;
}

# The tables of a rule's setup; the statement is about the last one.
sub main_table
{
	my ($rule) = @_;
	my @tables = $rule->{setup} =~ /CREATE (?:TABLE|MATERIALIZED VIEW) ([\w.]+)(?![\w.%])/g;
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

# A session that holds the table and stays idle in its transaction.
sub reader
{
	my ($stage, $rule) = @_;
	my $reader = $node->background_psql('postgres');
	my $table = main_table($rule);
	$reader->query_safe("$stage BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE;");
	return $reader;
}

sub refuses_its_example
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $reader = $needs_reader{ $rule->{rule} } ? reader($stage, $rule) : undef;
	# Behind a reader, what was only reported waits.
	my $patience = defined $reader ? "SET statement_timeout = '1s';" : '';
	my ($out, $err) = session("${stage}SET db_guard.mode = block; SET db_guard.show_notes = on;
		$patience\n$rule->{example}");
	$reader->quit if defined $reader;
	my $level = $rule->{level};
	like($err, qr/$level:  $code{$level}: .*\nDETAIL:  db_guard rule \Q$rule->{rule}\E: /, 'the rule reports it');
	return if defined $reader;
	is(() = $err =~ /^DETAIL:  db_guard rule /mg, 1, 'in one message');
	my @expected = sort $rule->{rule}, @{ $company{ $rule->{rule} } // [] };
	is(logged('rule'), "@expected", 'no other rule does');
	# What else is in the example has been done, unless its transaction is gone.
	my %outcome = (ERROR => 'blocked', WARNING => 'warned', NOTICE => 'done');
	like(logged('outcome'), qr/^(done )*$outcome{$level}( done)*$/, 'the log has the outcome');
	my $table = $named{ $rule->{rule} } // main_table($rule);
	like($err, qr/^TABLE NAME:  $table$/m, 'the error names the table')
	  if $level eq 'ERROR' && $rule->{lock_mode} ne 'none' && $table !~ /\./;
	return;
}

# What the guard does not see, the linter does.
sub is_found_by_linter
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my %severity = reverse %level;
	my ($out, $err) = session("${stage}SELECT rule, severity FROM db_guard.check_sql(\$check\$$rule->{example}\$check\$)");
	is($out, "$rule->{rule}|$severity{ $rule->{level} }", 'the rule reports it, and no other does');
	($out, $err) = session("${stage}SELECT rule FROM db_guard.check_sql(\$check\$$rule->{good_example}\$check\$)");
	is($out, '', 'the good example is reported by nothing');
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
	# VALIDATE CONSTRAINT scans under SHARE UPDATE EXCLUSIVE, which is its whole point; a new partition
	# is empty.
	my $scans = () = $good =~ /VALIDATE/g;
	$scans++ if $rule->{rule} =~ /^(?:create-partition|default-partition-scan)$/;
	is(() = $err =~ /verifying table|validating foreign key/g, $scans, 'no scan but that of VALIDATE');
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
	like($err, qr/$rule->{level}:  $code{ $rule->{level} }: /, 'without the override it is refused, or warned of');
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
	# One transaction is all there is here.
	(my $example = $rule->{example}) =~ s/^(BEGIN|COMMIT);\n?//mg;
	my $files = q{SELECT pg_relation_filenode(:table), (SELECT string_agg(indexrelid || '='
		|| pg_relation_filenode(indexrelid), ' ') FROM pg_index WHERE indrelid = :table),
		pg_stat_get_xact_numscans(:table);};
	my ($out, $err) = session(<<"SQL");
$stage
SET db_guard.mode = off;
SELECT '$table'::regclass::oid AS table \\gset
BEGIN;
$files
SET client_min_messages = debug1;
$example
RESET client_min_messages;
$files
SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = :table;
ROLLBACK;
SQL
	my ($before, $after, @locks) = split /\n/, $out;
	my ($heap, $indexes, $scans) = split /\|/, $before, -1;
	my ($heap_after, $indexes_after, $scans_after) = split /\|/, $after, -1;
	my %known = map { $_ => 1 } split / /, $indexes;
	my $built = grep { !$known{$_} } split / /, $indexes_after;
	my $work =
	    $rule->{example} =~ /^TRUNCATE/ || $heap_after eq '' ? 'none'
	  : $heap ne $heap_after ? 'rewrite'
	  : $built ? 'index build'
	  : $err =~ /verifying table "$table"/ ? 'scan'
	  : $err =~ /validating foreign key/ ? 'foreign key check'
	  : $scans_after > $scans ? 'scan'
	  : 'none';
	my ($lock) = sort { $rank{$b} <=> $rank{$a} } @locks;
	unlike($err, qr/ERROR: |db_guard rule/, 'the server does it');
	return ($lock // 'none', $work);
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
	like($writer->{stderr}, qr/ERROR:  (?:23502|42809): /, 'the server refuses');
	$writer->quit;
	return ($lock, 'error');
}

# CONCURRENTLY is no part of a transaction; it is seen while it waits for a writer.
sub observe_concurrent_build
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $table = main_table($rule);
	my $writer = $node->background_psql('postgres');
	$writer->query_safe("$stage BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
	my $count = 'SELECT count(*) FROM pg_index WHERE indisvalid';
	my $before = $node->safe_psql('postgres', $count);
	my $builder = $node->background_psql('postgres');
	$builder->query_safe("$stage SET db_guard.mode = off");
	$builder->query_until(qr/^started$/m, "\\echo started\n$rule->{example}\n");
	my $waits = q{FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'};
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $waits") or die 'nobody waits';
	my $lock = $node->safe_psql('postgres',
		"SELECT mode FROM pg_locks WHERE granted AND pid = (SELECT pid $waits)
		    AND relation = (SELECT relation FROM pg_locks l JOIN pg_class c ON c.oid = relation
		                     WHERE mode = 'RowExclusiveLock' AND relname = '$table')");
	$writer->quit;
	$builder->query_until(qr/^ended$/m, "\\echo ended\n");
	$builder->quit;
	is($node->safe_psql('postgres', $count), $before + 1, 'the index is there');
	return ($lock, 'index build');
}

# One that the server refuses before it takes any lock.
sub observe_refusal
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my ($out, $err) = session("${stage}SET db_guard.mode = off;\n$rule->{example}");
	like($err, qr/ERROR:  25001: /, 'the server refuses');
	return ('none', 'refused');
}

my %observer = (error => \&observe_failure, refused => \&observe_refusal);

sub observer_of
{
	my ($rule) = @_;
	my $concurrent = $rule->{example} =~ /^CREATE INDEX CONCURRENTLY/;
	return $concurrent ? \&observe_concurrent_build : $observer{ $rule->{work} } // \&observe;
}

foreach my $rule (@rules)
{
	# Seen only where the library is preloaded: 045_unseen_commands runs these.
	next if $rule->{family} eq 'server';
	if (is_seen_by_guard($rule))
	{
		subtest "$rule->{rule}: the example is reported" => sub { refuses_its_example($rule) };
		subtest "$rule->{rule}: the good example is not" => sub { lets_its_good_example_pass($rule) };
	}
	else
	{
		subtest "$rule->{rule}: the linter reports the example" => sub { is_found_by_linter($rule) };
	}
	next if $rule->{rule} eq 'concurrent-index-waits';
	# A database is locked where no table of locks of this one shows it.
	next if $rule->{rule} eq 'drop-database';
	subtest "$rule->{rule}: lock and work are what it says" => sub {
		my ($lock, $work) = observer_of($rule)->($rule);
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
