# Every rule of the packs tells the truth: its example is reported by it and by no other rule of its pack, its
# good example by none, and what it offers instead is taken by the server and reported by it no more. Lock and
# work are what it claims.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('packs');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard');

my @packs = qw(data-types names security structure);

my @fields = qw(rule family severity setup example good_example lock_mode work);
my $rows = $node->safe_psql('postgres',
	'SELECT ' . join(', ', map { "encode(convert_to($_, 'UTF8'), 'hex')" } @fields)
	  . ' FROM db_guard.rules WHERE family IN (' . join(', ', map { "'$_'" } @packs) . ') ORDER BY rule');
my @rules;
foreach my $row (split /\n/, $rows)
{
	my %rule;
	@rule{@fields} = map { pack('H*', $_) } split /\|/, $row, -1;
	push @rules, \%rule;
}
cmp_ok(scalar @rules, '>=', 26, 'there are rules');

# Tables named in examples need no standard columns of their own, unless they are what it is about.
my %standard = ('missing-standard-columns' => 'created_at, updated_at, deleted_at, created_by');

my $schemas = 0;

# Makes what a rule needs in a schema of its own, and returns what puts a session there.
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
	my $columns = $standard{ $rule->{rule} } // '';
	return "SET search_path = $schema; SET db_guard.policy_packs = '$rule->{family}';"
	  . " SET db_guard.standard_columns = '$columns'; SET db_guard.show_notes = on;\n";
}

sub session
{
	my ($script) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

sub reported
{
	my ($err) = @_;
	my %seen = map { $_ => 1 } $err =~ /db_guard rule ([a-z-]+): /g;
	return join ' ', sort keys %seen;
}

sub logged
{
	return $node->safe_psql('postgres', q{SELECT string_agg(DISTINCT f ->> 'rule', ' ' ORDER BY f ->> 'rule')
		FROM db_guard.ddl_log, jsonb_array_elements(findings) f});
}

sub reports_its_example
{
	my ($rule) = @_;
	my $level = $rule->{severity} eq 'warn' ? 'WARNING' : 'NOTICE';
	my ($out, $err) = session(set_the_stage($rule) . $rule->{example});
	like($err, qr/$level:  [^\n]*[^.]\nDETAIL:  db_guard rule \Q$rule->{rule}\E: .*\./, 'in a message');
	is(reported($err), $rule->{rule}, 'by this rule alone');
	unlike($err, qr/ERROR: /, 'and it runs');
	is(logged(), $rule->{rule}, 'so it is logged');
	return;
}

sub lets_its_good_example_pass
{
	my ($rule) = @_;
	my ($out, $err) = session(set_the_stage($rule) . $rule->{good_example});
	unlike($err, qr/ERROR: |db_guard rule /, 'nothing is reported');
	is(logged(), '', 'nothing is logged');
	return;
}

# The linter has the steps as rows. Each is run as it is printed.
sub offers_what_works
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	(my $text = $rule->{example}) =~ s/'/''/g;
	my ($steps, $problem) = session("$stage\\t on\n\\pset format unaligned\n"
		  . "SELECT unnest(safe_sql) FROM db_guard.check_sql('$text') WHERE rule = '$rule->{rule}'");
	return pass('nothing is offered') if $steps eq '';
	my ($out, $err) = session($stage . $steps);
	unlike($err, qr/ERROR: /, "the server takes it: $steps");
	unlike(reported($err), qr/\b\Q$rule->{rule}\E\b/, 'and the rule is content');
	return;
}

my @strength = qw(AccessShareLock RowShareLock RowExclusiveLock ShareUpdateExclusiveLock ShareLock
  ShareRowExclusiveLock ExclusiveLock AccessExclusiveLock);
my %rank = map { $strength[$_] => $_ } 0 .. $#strength;

# The strongest lock on a table that was there before; whether its file is another one.
sub locks_and_works_as_it_says
{
	my ($rule) = @_;
	my $stage = set_the_stage($rule);
	my $old = "relnamespace = current_schema()::regnamespace AND relkind = 'r'";
	my ($out, $err) = session(<<"SQL");
$stage
SET db_guard.mode = off;
CREATE TEMPORARY TABLE before AS SELECT oid, relfilenode FROM pg_class WHERE $old;
BEGIN;
$rule->{example}
SELECT 'lock ' || mode FROM pg_locks, before WHERE pid = pg_backend_pid() AND relation = oid;
SELECT 'rewrite' FROM before JOIN pg_class USING (oid) WHERE pg_class.relfilenode <> before.relfilenode;
COMMIT;
SQL
	my ($lock) = sort { $rank{$b} <=> $rank{$a} } $out =~ /^lock (\w+)$/mg;
	# From 18 on GRANT holds its table against being dropped meanwhile.
	$lock = undef if $rule->{family} eq 'security' && ($lock // '') eq 'AccessShareLock';
	is($lock // 'none', $rule->{lock_mode}, 'lock');
	is($rule->{work}, 'none', 'no work is claimed');
	unlike($out, qr/^rewrite$/m, 'and none is done');
	return;
}

foreach my $rule (@rules)
{
	subtest "$rule->{rule}: the example is reported" => sub { reports_its_example($rule) };
	subtest "$rule->{rule}: the good example is not" => sub { lets_its_good_example_pass($rule) };
	subtest "$rule->{rule}: what is offered works" => sub { offers_what_works($rule) };
	subtest "$rule->{rule}: lock and work" => sub { locks_and_works_as_it_says($rule) };
}

# Scripts of extensions and restores are nobody's to change here.
subtest 'a dump is restored without a word' => sub {
	my ($out, $err) = session(<<'SQL');
SET db_guard.show_notes = on;
SET check_function_bodies = false;
SET row_security = off;
SET xmloption = content;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.restored ("Id" serial, at timestamp);
CREATE FUNCTION public.restored() RETURNS void LANGUAGE sql SECURITY DEFINER AS '';
GRANT SELECT ON public.restored TO PUBLIC;
SQL
	unlike($err, qr/db_guard|ERROR/, 'nothing is reported');
};

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC|could not analyse/, 'no crash');

done_testing();
