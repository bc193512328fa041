# What bad input could do beyond being refused: names that end the quoting of a safe way, names that
# become the same when they are cut, statements that blow up the message, and tables that change or
# sessions that are cancelled while a statement is judged.
use strict;
use warnings;

use Encode ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hostile');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 16
autovacuum = off
log_min_error_statement = panic
db_guard.small_table_size = 0
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard');

# A session of its own, so that no table is "made by this session". Returns what it said.
sub session
{
	my ($script) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', "\\set VERBOSITY verbose\n$script\n",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

sub answer { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

sub make { my ($script) = @_; return answer("SET db_guard.mode = off;\n$script"); }

sub ident { my ($name) = @_; $name =~ s/"/""/g; return qq("$name"); }

# The safe way as printed: the lines of HINT that are indented by two spaces, without those.
sub steps
{
	my ($err) = @_;
	my ($hint) = $err =~ /^HINT:  Instead[^\n]*\n((?:  [^\n]*\n)+)/m or return;
	$hint =~ s/^  //mg;
	return $hint;
}

sub refused
{
	my ($statement, $rule, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = session("$statement;");
	like($err, qr/ERROR:  DG001: .*?\nDETAIL:  db_guard rule \Q$rule\E: /s, "$name: refused by $rule");
	return $err;
}

sub run_steps
{
	my ($err, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $script = steps($err);
	ok(defined $script, "$name: has a safe way") or return;
	my ($out, $said) = session($script);
	unlike($said, qr/ERROR|WARNING|db_guard rule/, "$name: it runs as printed") or diag($script);
	return;
}

sub type_of
{
	my ($table, $column) = @_;
	return answer("SELECT format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = '$table'::regclass AND attname = '$column'");
}

# --- names ----------------------------------------------------------------------------------------

make('CREATE TABLE public.victim ()');
my @names = ("a\nDROP TABLE victim; --", "a\rDROP TABLE victim; --", "a\n*/ DROP TABLE victim; /*",
	'$backfill$; DROP TABLE victim; --', '$backfill$ $backfill1$; DROP TABLE victim; --',
	'$sync$; DROP TABLE victim; --', q('"; DROP TABLE victim; --), q(\\'; DROP TABLE victim; --),
	'{table}{page}{quote}', 'page', 'pages', 'new');

# Whoever chooses a name must not choose what the person runs who pastes the safe way.
foreach my $name (@names)
{
	my $q = ident($name);
	(my $shown = $name) =~ s/[\n\r]/ /g;
	subtest "nothing in a name is run: $shown" => sub {
		make("CREATE TABLE public.$q ($q integer NOT NULL, other integer);
			INSERT INTO public.$q SELECT g, g FROM generate_series(1, 300) g");
		run_steps(refused("ALTER TABLE public.$q ALTER $q TYPE bigint", 'alter-column-type-rewrite', 'type'), 'type');
		is(answer("SELECT sum($q), pg_typeof(max($q)) FROM public.$q"), '45150|bigint', 'type: changed, no value lost');
		run_steps(refused("ALTER TABLE public.$q RENAME $q TO ${\ident(qq($name?))}", 'rename-column', 'rename'), 'rename');
		is(answer("SELECT sum(${\ident(qq($name?))}) FROM public.$q"), '45150', 'rename: no value lost');
		is(answer("SELECT to_regclass('public.victim')"), 'victim', 'nothing else happened');
	};
}

subtest 'names that are the same when they are cut' => sub {
	my @columns = map { 'k' . 'ä' x 30 . $_ } 1, 2;
	my ($one, $two) = map { ident($_) } @columns;
	make("CREATE TABLE public.cut ($one integer, $two integer);
		INSERT INTO cut SELECT g, g FROM generate_series(1, 100) g");
	my $err = refused("ALTER TABLE public.cut ADD PRIMARY KEY ($one, $two)", 'add-primary-key', 'key');
	ok(defined eval { Encode::decode('UTF-8', my $copy = $err, Encode::FB_CROAK) }, 'not cut inside a letter');
	my %added = map { $_ => 1 } steps($err) =~ /ADD CONSTRAINT (\S+) (?:CHECK|NOT NULL)/g;
	is(scalar keys %added, 2, 'two constraints, two names');
	run_steps($err, 'key');
	is(answer(q{SELECT count(*) FROM pg_constraint WHERE conrelid = 'cut'::regclass AND contype = 'p'}), 1, 'there is the key');

	my $part = 'partition_of_a_table_with_a_long_name_in_the_month_of_';
	make("CREATE TABLE public.tree (an_id_with_a_long_name integer, day integer) PARTITION BY LIST (day);"
		  . join('', map { "CREATE TABLE public.$part$_ PARTITION OF tree FOR VALUES IN ($_);" } 1 .. 4)
		  . 'INSERT INTO tree SELECT g, 1 + g % 4 FROM generate_series(1, 100) g');
	$err = refused('CREATE INDEX ON public.tree (an_id_with_a_long_name)', 'create-index-blocking', 'tree');
	my @created = steps($err) =~ /^CREATE INDEX (?:CONCURRENTLY )?(\S+) ON/mg;
	my %different = map { $_ => 1 } @created;
	is(scalar @created, 5, 'an index for each table of the tree');
	is(scalar keys %different, 5, 'all names differ');
	run_steps($err, 'tree');
	is(answer(q{SELECT bool_and(indisvalid), count(*) FROM pg_index WHERE indrelid IN
		(SELECT relid FROM pg_partition_tree('tree'))}), 't|5', 'every index is there and valid');
};

subtest 'an unknown rule with a huge name' => sub {
	foreach my $length (60 .. 66)
	{
		my ($out, $err) = session("LOAD 'db_guard'; SET db_guard.allow = '" . 'x' x ($length % 2) . 'ä' x $length . "';");
		like($err, qr/ERROR:  22023: db_guard has no rule "/, "$length letters: refused");
		ok(defined eval { Encode::decode('UTF-8', my $copy = $err, Encode::FB_CROAK) }, "$length letters: not cut inside one");
	}
};

# --- sizes ----------------------------------------------------------------------------------------

subtest 'a message stays readable' => sub {
	make('CREATE TABLE public.wide (' . join(', ', map { "c$_ integer" } 1 .. 1600) . '); INSERT INTO wide (c1) VALUES (1)');
	my $err = refused('ALTER TABLE public.wide ' . join(', ', map { "ALTER c$_ SET NOT NULL" } 1 .. 1600), 'set-not-null', '1,600 findings');
	cmp_ok(length($err), '<', 16 * 1024, 'not all of them are in it');
	like($err, qr/\nAnd 1590 more findings/, 'and it says so');
	is(answer('SELECT jsonb_array_length(findings) FROM db_guard.ddl_log ORDER BY id DESC LIMIT 1'), 1600, 'but in the log');
	my $cases = join "\n", map { "WHEN c1 = $_ THEN 1" } 1 .. 50000;
	$err = refused("ALTER TABLE public.wide ALTER c1 TYPE bigint USING CASE $cases END", 'alter-column-type-rewrite', 'a huge conversion');
	cmp_ok(length($err), '<', 64 * 1024, 'it is not repeated in every step');
	like($err, qr/^  -- and so on: \d+ more step/m, 'and it says so');
};

# The probe reads every partition: it must not queue at one that somebody holds.
subtest 'a partition that somebody holds' => sub {
	make('CREATE TABLE public.held (id integer, kind integer) PARTITION BY LIST (kind);
		CREATE TABLE held_1 PARTITION OF held FOR VALUES IN (1); CREATE TABLE held_2 PARTITION OF held FOR VALUES IN (2);
		INSERT INTO held SELECT 7, 1 + g % 2 FROM generate_series(1, 100) g');
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE held_2 IN ACCESS EXCLUSIVE MODE');
	my $err = refused('ALTER TABLE public.held ADD UNIQUE (id, kind)', 'add-unique-constraint', 'held');
	unlike($err, qr/rows with equal keys/i, 'nothing was looked for');
	$holder->quit;
	like(refused('ALTER TABLE public.held ADD UNIQUE (id, kind)', 'add-unique-constraint', 'free'),
		qr/rows with equal keys exist already/, 'free: it was');
};

subtest 'catalogs of the server' => sub {
	foreach my $statement ('ALTER TABLE pg_catalog.pg_class DROP COLUMN relname', 'ALTER TABLE pg_catalog.pg_class ADD PRIMARY KEY (oid)',
		'ALTER TABLE pg_catalog.pg_class RENAME TO pg_room', 'CREATE INDEX ON pg_catalog.pg_class (relpages)')
	{
		my ($out, $err) = session("$statement;");
		like($err, qr/\A\S* ?ERROR:  42501: permission denied/, "the server's own word: $statement");
	}
};

# --- while others are at work ---------------------------------------------------------------------

# The analysis works out the constant parts of a conversion, as the server does. There it can be held
# up: this function waits for a lock that the test has.
make(<<'SQL');
CREATE SCHEMA busy;
CREATE FUNCTION busy.pause() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN 1; END $$;
SQL
my $change = 'ALTER TABLE busy.t ALTER COLUMN id TYPE bigint USING id + busy.pause()';

# Starts a statement and comes back when its analysis waits: the session, its process, and what lets it
# go on and returns what it said.
sub held_up
{
	my ($statement) = @_;
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(42)');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/^go$/m, "\\set VERBOSITY verbose\n\\echo go\n$statement;\n\\echo over\n");
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = $pid")
	  or die 'the analysis does not wait';
	return ($session, $pid, sub {
		$gate->query_safe('SELECT pg_advisory_unlock_all()');
		$gate->quit;
		$session->query_until(qr/^over$/m, '');
		my $err = $session->{stderr};
		$session->{stderr} = '';
		is($session->query_safe('SELECT 42'), 42, 'the session goes on');
		$session->quit;
		return $err;
	});
}

my $table = 'CREATE TABLE busy.t (id integer, other integer); INSERT INTO busy.t SELECT generate_series(1, 100)';

subtest 'a table that is dropped while it is judged' => sub {
	make($table);
	my ($session, $pid, $finish) = held_up($change);
	make('DROP TABLE busy.t');
	like($finish->(), qr/ERROR:  42P01: relation "busy\.t" does not exist/, 'the server says so');
};

subtest 'a table that is renamed while it is judged' => sub {
	make($table);
	my ($session, $pid, $finish) = held_up($change);
	make('ALTER TABLE busy.t RENAME TO was_t');
	like($finish->(), qr/ERROR:  (?:DG001|42P01): /, 'it is refused');
	is(type_of('busy.was_t', 'id'), 'integer', 'and not changed');
	make('DROP TABLE busy.was_t');
};

subtest 'a column that is dropped while it is judged' => sub {
	make($table);
	my ($session, $pid, $finish) = held_up($change);
	make('ALTER TABLE busy.t DROP COLUMN id');
	like($finish->(), qr/ERROR:  (?:DG001|42703): /, 'it is refused');
	make('DROP TABLE busy.t');
};

subtest 'another table under the name of the one that was judged' => sub {
	make("CREATE TABLE busy.t (id integer, other integer); ALTER TABLE busy.t RENAME TO empty; $table;
		ALTER TABLE busy.t RENAME TO large; ALTER TABLE busy.empty RENAME TO t");
	my ($session, $pid, $finish) = held_up($change);
	make('ALTER TABLE busy.t RENAME TO empty; ALTER TABLE busy.large RENAME TO t');
	like($finish->(), qr/ERROR:  DG001: .*\nDETAIL:  db_guard rule table-rewrite: /, 'the last net catches it');
	is(type_of('busy.t', 'id'), 'integer', 'nothing was rewritten');
	make('DROP TABLE busy.t, busy.empty');
};

# Swallowed, the cancelled statement would run.
subtest 'a cancel while the statement is judged' => sub {
	make($table);
	foreach my $statement ($change, 'ALTER TABLE busy.t ADD COLUMN fresh integer DEFAULT busy.pause()')
	{
		my ($session, $pid, $finish) = held_up($statement);
		is(answer("SELECT pg_cancel_backend($pid)"), 't', "cancelled: $statement");
		my $err = $finish->();
		like($err, qr/ERROR:  57014: canceling statement due to user request/, 'it arrives');
		unlike($err, qr/could not analyse/, 'as no defect');
		is(answer(q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid = 'busy.t'::regclass AND attnum > 0}), 'id integer, other integer', 'and the statement did not run');
	}
};

# The function is called by the probe alone: the statement itself is refused before.
subtest 'a cancel in the middle of the search for duplicates' => sub {
	make(<<'SQL');
CREATE FUNCTION busy.cancelled(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF id = 50 AND current_setting('busy.cancel', true) = 'on' THEN PERFORM pg_cancel_backend(pg_backend_pid()); END IF;
  RETURN id;
END $$;
SQL
	my $probed = 'CREATE UNIQUE INDEX t_cancelled ON busy.t (busy.cancelled(id))';
	my ($out, $err) = session(<<"SQL");
$probed;
SET busy.cancel = on;
BEGIN;
CREATE TABLE busy.kept ();
SAVEPOINT s;
$probed;
ROLLBACK TO s;
SET busy.cancel = off;
SELECT 'usable', current_user = session_user;
COMMIT;
$probed;
SQL
	is(join(' ', $err =~ /ERROR:  (\w+): /g), 'DG001 57014 DG001', 'it arrives, once') or diag $err;
	is($out, 'usable|t', 'the session is usable');
	is(answer("SELECT to_regclass('busy.kept'), to_regclass('busy.t_cancelled')"), 'busy.kept|', 'its transaction went on');
};

subtest 'a function in an index gets no rights from the search for duplicates' => sub {
	make(<<'SQL');
CREATE ROLE mallory LOGIN;
CREATE SCHEMA den AUTHORIZATION mallory;
SET ROLE mallory;
CREATE SEQUENCE den.tries; CREATE SEQUENCE den.successes;
CREATE FUNCTION den.try(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM nextval('den.tries');
  EXECUTE what;
  PERFORM nextval('den.successes');
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
CREATE FUNCTION den.key(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  PERFORM den.try('CREATE ROLE spare SUPERUSER');
  PERFORM den.try('SET SESSION AUTHORIZATION DEFAULT');
  PERFORM den.try('RESET ROLE');
  PERFORM den.try('CREATE TEMP TABLE lure ()');
  PERFORM den.try('DECLARE lure CURSOR WITH HOLD FOR SELECT 1');
  PERFORM den.try('DELETE FROM db_guard.ddl_log');
  RETURN id;
END $$;
CREATE TABLE den.t (id integer);
INSERT INTO den.t VALUES (1), (2);
SQL
	like(refused('CREATE UNIQUE INDEX ON den.t (den.key(id))', 'create-index-blocking', 'index'),
		qr/No rows with equal keys exist now/, 'the search ran');
	cmp_ok(answer('SELECT last_value FROM den.tries'), '>=', 12, 'the function tried');
	is(answer('SELECT is_called FROM den.successes'), 'f', 'in vain');
};

is(answer('SELECT count(*) FROM db_guard.ddl_log WHERE analysis_error IS NOT NULL'), 0, 'no analysis has failed');
$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP: |terminated by signal|PANIC/, 'no crash');

done_testing();
