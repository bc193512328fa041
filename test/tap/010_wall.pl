# The wall between longjmp and exceptions, proven in a live server by a module that misuses it.
# DB_GUARD_WALL_MODULE is the path of that module (test/wall) without its suffix.
use strict;
use warnings;
use utf8;

use File::Basename qw(dirname);
use Cwd qw(abs_path);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $module = $ENV{DB_GUARD_WALL_MODULE} or die 'DB_GUARD_WALL_MODULE is not set';
-f "$module.so" or die "there is no $module.so";
my $wall_sql = abs_path(dirname(__FILE__) . '/../wall/wall.sql');

# Memory given back to malloc is overwritten at once, so nothing that still points there looks sane.
$ENV{MALLOC_PERTURB_} = 165;

my $node = PostgreSQL::Test::Cluster->new('wall');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "log_error_verbosity = verbose\n");
$node->start;
$node->safe_psql('postgres', "\\i $wall_sql", extra_params => [ '-v', "module=$module" ]);

# One session; errors are part of the script. Returns what it said on both channels.
sub session
{
	my ($script) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

sub answer { return (session($_[0]))[0]; }
sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }
sub caught { return 'wall.caught(' . quoted($_[0]) . ')'; }

# As many destructions as constructions, and at least as many as there were frames.
sub all_gone
{
	my ($counts, $at_least, $name) = @_;
	my ($made, $gone) = $counts =~ /^(\d+) made, (\d+) gone$/m;
	ok(defined $made && $made >= $at_least && $made == $gone, $name)
	  or diag("witnesses: $counts, expected at least $at_least");
	return;
}

my $unknown = 'XX000: db_guard failed internally: exception of an unknown type';
my $server = '22012: server error of the wall';
my $own = '22023: own error of the wall';
my %outcome = (
	'server' => $server,
	'server rethrown' => $server,
	'server postponed' => $server,
	'server in scratch' => '22012: ' . 'x' x 2000,
	'server translated' => $own,
	'own' => $own,
	'own without sqlstate' => 'XX000: own error of the wall',
	'out of memory' => '53200: out of memory',
	'standard' => 'XX000: db_guard failed internally: standard exception',
	'standard, long' => 'XX000: db_guard failed internally: ' . "\x{e9}" x 127,
	'length' => 'XX000: db_guard failed internally: vector::_M_default_append',
	'number' => $unknown,
	'literal' => $unknown,
	'unknown class' => $unknown);
my @ways = sort keys %outcome;

subtest 'A1 destructors run when an error passes through C++ frames' => sub {
	foreach my $way (@ways)
	{
		all_gone(answer("SELECT FROM wall.unwind(7, '$way'); SELECT wall.witnesses();"),
			7, "$way, through seven frames");
		all_gone(answer("SELECT FROM wall.nest(5, '$way'); SELECT wall.witnesses();"),
			6, "$way, through six entries and five calls");
	}
	all_gone(answer("SELECT FROM wall.nest(5, 'nothing'); SELECT wall.witnesses();"),
		6, 'no error');
};

subtest 'A2 no exception is left alive once the error has been raised and caught' => sub {
	foreach my $way (@ways)
	{
		my $expected = "$outcome{$way}; left over: nothing";
		utf8::encode($expected);
		is(answer('SELECT ' . caught("SELECT wall.unwind(3, '$way')")), $expected, "$way, caught");
		is(answer('SELECT ' . caught("SELECT wall.nest(3, '$way')")),
			$expected, "$way, through nested entries, caught");
		is( answer("SELECT FROM wall.unwind(3, '$way'); SELECT wall.leftovers();"),
			'nothing', "$way, ended by the end of the statement");
	}
};

subtest 'A3 no exception stack, context stack or memory context dangles' => sub {
	foreach my $way ('nothing', 'jump', @ways)
	{
		is(answer("SELECT wall.ground('$way');"), 'same, and works', "after a call: $way");
	}
	is(answer('SELECT wall.ground_of_entry();'), 'same', 'after an entry');
	my $many = join(' ', map { "SELECT wall.ground('$_') FROM generate_series(1, 50);" } @ways);
	unlike(answer($many), qr/(?!same, and works)^.*$/m, 'many in one session');
};

subtest 'A4 nothing escapes into the server' => sub {
	my $script = "SELECT pg_backend_pid();\n";
	$script .= "SELECT FROM wall.unwind(3, '$_');\nSELECT FROM wall.nest(3, '$_');\n" foreach @ways;
	my ($out, $err) = session("\\set VERBOSITY verbose\n${script}SELECT pg_backend_pid();\n");
	my @pids = split /\n/, $out;
	is(scalar @pids, 2, 'the session lived to the end');
	is($pids[0], $pids[1], 'in the same backend');
	is(() = $err =~ /ERROR: /g, 2 * @ways, 'every exception became an ERROR');
};

subtest 'A5 nothing runs when the library is loaded' => sub {
	# A dynamic initialiser runs inside dlopen, outside any guard: if it throws, the backend ends; if
	# it allocates, that is for the life of the backend; and its destructor runs at exit, after
	# the server's memory is gone. A function-local static has the same initialiser behind a lock
	# that a longjmp would leave locked.
	my ($symbols) = run_command([ 'nm', '-C', "$module.so" ]);
	like($symbols, qr/db_guard::pg::run_guarded/, 'the library has its symbols');
	unlike($symbols, qr/_GLOBAL__(sub_)?[ID]|static_initialization_and_destruction/,
		'no static initialiser');
	unlike($symbols, qr/__cxa_guard_|guard variable/, 'no guarded local static');
	unlike($symbols, qr/__cxa_atexit|__cxa_thread_atexit/, 'no static destructor');
	unlike($symbols, qr/ios_base::Init/, 'no iostream');
	my ($sections) = run_command([ 'readelf', '-SW', "$module.so" ]);
	# The compiler's own frame_dummy is the only entry.
	like($sections, qr/\.init_array\s+INIT_ARRAY\s+\w+\s+\w+\s+0*[48]\s/,
		'the array of initialisers holds the compiler\'s one');
};

subtest 'every field of a server error passes the wall' => sub {
	my $setup = <<'SQL';
CREATE SCHEMA shop;
CREATE DOMAIN shop.price AS int CONSTRAINT positive CHECK (VALUE > 0);
CREATE TABLE shop.item (id int PRIMARY KEY, price shop.price, name text NOT NULL,
    CONSTRAINT cheap CHECK (price < 100));
CREATE TABLE shop.sale (item int CONSTRAINT of_item REFERENCES shop.item);
INSERT INTO shop.item VALUES (1, 1, 'one');
CREATE FUNCTION shop.deep() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / 0; END';
CREATE FUNCTION shop.loud() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'said' USING ERRCODE = 'DB001', DETAIL = 'd', HINT = 'h', SCHEMA = 's',
        TABLE = 't', COLUMN = 'c', DATATYPE = 'y', CONSTRAINT = 'k';
END $$;
SQL
	$node->safe_psql('postgres', $setup);
	my %statement = (
		'check' => "INSERT INTO shop.item VALUES (2, 200, 'two')",
		'not null' => 'INSERT INTO shop.item VALUES (2, 2, NULL)',
		'unique' => "INSERT INTO shop.item VALUES (1, 2, 'two')",
		'foreign key' => 'INSERT INTO shop.sale VALUES (7)',
		'domain' => "INSERT INTO shop.item VALUES (2, -1, 'two')",
		'syntax' => 'SELECT 1 FRM shop.item',
		'unknown column with a hint' => 'SELECT pric FROM shop.item',
		'context of functions' => 'SELECT shop.deep() + 1',
		'all that RAISE can say' => 'SELECT shop.loud()');
	foreach my $name (sort keys %statement)
	{
		my $sql = quoted($statement{$name});
		same_error("wall.execute_bare($sql)", "wall.execute_call($sql)", $name);
	}
	same_error("wall.raise_bare($_)", "wall.raise_call($_)", "every field, internal: $_")
	  foreach qw(false true);
	is(() = slurp_file($node->logfile) =~ /DETAIL:  the detail for the log/g, 4,
		'the detail for the log');

	like((session("\\set VERBOSITY verbose\nSELECT wall.raise_call(false);"))[1],
		qr/^LOCATION:  raise_every_field, f{2000}:1$/m, 'the place in the source');
	my $fields = answer(q{SELECT wall.diagnose('SELECT wall.raise_call(false)')});
	like($fields, qr/^23514: the message\ndetail: the detail\nhint: the hint\n/, 'main fields');
	like($fields, qr/^place: the schema\|the table\|the column\|the type\|the constraint$/m, 'place');
	like($fields, qr/^context: the context\n/m, 'context');
};

# The same error bare and through the wall, to SQL and to the client; the client's view has the
# positions and the place in the source.
sub same_error
{
	my ($bare, $call, $name) = @_;
	my $verbose = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT always\n";
	my %seen;
	foreach my $expression ($bare, $call)
	{
		my $sql = "SELECT $expression";
		my $diagnosis = answer('SELECT wall.diagnose(' . quoted($sql) . ')');
		my $report = (session("$verbose$sql;\n"))[1];
		$_ =~ s/_call/_bare/g foreach ($diagnosis, $report);
		push @{ $seen{sql} }, $diagnosis;
		push @{ $seen{client} }, $report;
	}
	like($seen{client}[0], qr/ERROR:  \w{5}: .*^LOCATION: /ms, "$name: there is an error");
	is($seen{sql}[1], $seen{sql}[0], "$name: as SQL sees it");
	is($seen{client}[1], $seen{client}[0], "$name: as the client sees it");
	return;
}

subtest 'every field of an own error arrives' => sub {
	my $fields = answer(q{SELECT wall.diagnose('SELECT wall.unwind(1, ''own'')')});
	like($fields, qr/^22023: own error of the wall\ndetail: own detail\nhint: own hint\n/, 'texts');
	like($fields, qr/^place: own schema\|own table\|own column\|\|own constraint$/m, 'place');
};

subtest 'out of memory is an error and the backend goes on' => sub {
	my $own_words = 'db_guard could not allocate memory for its analysis.';
	my %starved = (
		'wall.allocate(true, 0, 1)' => $own_words,
		'wall.allocate(true, 8, 16)' => $own_words,
		'wall.allocate(true, 100, 64)' => $own_words,
		'wall.allocate(false, 9223372036854775807, 1)' => $own_words,
		'wall.allocate(false, 9223372036854775800, 64)' => $own_words,
		'wall.allocate(false, 4611686018427387904, 8)' => $own_words,
		'wall.outgrow()' => $own_words,
		'wall.starve_error()' => $own_words,
		'wall.starve_server()' =>
		  'Failed on request of size 134217728 in memory context "db_guard entry".');
	foreach my $call (sort keys %starved)
	{
		my ($out, $err) = session(<<"SQL");
\\set VERBOSITY verbose
SELECT FROM $call;
SELECT wall.witnesses();
SELECT wall.leftovers(), length(repeat('x', 10000000));
SQL
		like($err, qr/ERROR:  53200: out of memory\nDETAIL:  \Q$starved{$call}\E/, "$call: error");
		all_gone($out, 1, "$call: destructors");
		like($out, qr/^nothing\|10000000$/m, "$call: the session goes on");
	}
	my ($grown) = answer('SELECT FROM wall.outgrow(); SELECT wall.witnesses();') =~ /^(\d+) made/;
	cmp_ok($grown, '>', 1000, 'it was in the middle');
};

subtest 'allocations are aligned, apart and freed' => sub {
	is(answer("SELECT wall.allocate_aligned($_)"), 'aligned and freed', "to $_ bytes")
	  foreach (1, 2, 4, 8, 16, 32, 64, 128, 4096);
};

# Starts a session and does not wait for its end.
sub start_session
{
	my (@statements) = @_;
	my %session = (out => '', err => '');
	my @psql = ('psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'));
	$session{run} = IPC::Run::start([ @psql, map { ('-c', $_) } @statements ], '<', \undef,
		'>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

sub signal_at_lock
{
	my ($lock, $granted, $function) = @_;
	my $who = "FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND objid = $lock AND granted = $granted AND state = 'active'";
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $who") or die 'nobody came to the lock';
	is($node->safe_psql('postgres', "SELECT $function(pid) $who"), 't', 'signalled');
	return;
}

subtest 'a query is cancelled inside C++ code' => sub {
	my @after = ('SELECT wall.witnesses()', 'SELECT wall.leftovers()', "SELECT 'usable'");
	my $user_request = qr/ERROR:  57014: canceling statement due to user request/;

	my $spinning = start_session('SELECT FROM wall.spin(1)', @after);
	signal_at_lock(1, 'true', 'pg_cancel_backend');
	$spinning->{run}->finish;
	like($spinning->{err}, $user_request, 'a loop, cancelled');
	is($spinning->{out}, "1 made, 1 gone\nnothing\nusable\n", 'destructors ran, session usable');

	my $holder = start_session('SELECT FROM wall.spin(2)');
	$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE objid = 2 AND granted');
	my $waiting = start_session('SELECT FROM wall.wait(2)', @after);
	signal_at_lock(2, 'false', 'pg_cancel_backend');
	$waiting->{run}->finish;
	like($waiting->{err}, $user_request, 'a wait inside a call, cancelled');
	is($waiting->{out}, "1 made, 1 gone\nnothing\nusable\n", 'destructors ran, session usable');

	signal_at_lock(2, 'true', 'pg_terminate_backend');
	$holder->{run}->finish;
	like($holder->{err}, qr/FATAL:  57P01: terminating connection/, 'a loop, terminated');

	my $script = join(";\n", "SET statement_timeout = '100ms'", 'SELECT FROM wall.spin(3)', @after);
	my ($out, $err) = session("\\set VERBOSITY verbose\n$script;\n");
	like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, 'a loop, timed out');
	is($out, "1 made, 1 gone\nnothing\nusable", 'destructors ran, session usable');

	$out = answer('SELECT wall.limited(50, true); SELECT wall.limited(3600000, false);
		SELECT wall.witnesses()');
	is($out, "57014, expired\nno error\n2 made, 2 gone", 'a loop with a limit of its own');
};

subtest 'guarded calls leave nothing in memory' => sub {
	no_growth("wall.repeat('$_', 1000000)", "1000000 times $_")
	  foreach ('good call', 'bad call', 'swallowed call', 'subtransaction',
		'exception through a call', 'entry');
	no_growth("wall.endure('$_', 100000)", "100000 entries that failed and were caught: $_")
	  foreach ('server', 'own', 'number', 'out of memory');
};

# The least count is 100000: a byte a call would be seen.
sub no_growth
{
	my ($call, $name) = @_;
	my $bound = 64 * 1024;
	my ($contexts, $heap, $contexts_after, $heap_after, $cost) = split / /, answer("SELECT $call");
	note("$name: contexts $contexts -> $contexts_after, heap $heap -> $heap_after, $cost ns each");
	cmp_ok($contexts_after - $contexts, '<=', $bound, "$name: memory contexts");
	cmp_ok($heap_after - $heap, '<=', $bound, "$name: malloc");
	return;
}

subtest 'a rolled back subtransaction leaves nothing' => sub {
	$node->safe_psql('postgres', 'CREATE TABLE public.room (id int)');
	my $locked = "SELECT count(*) FROM pg_locks WHERE relation = 'public.room'::regclass
		AND pid = pg_backend_pid();";
	my $work = quoted('LOCK TABLE public.room; INSERT INTO public.room VALUES (1)');
	my %says = (
		'nothing' => 'no error',
		'server' => 'server error of the wall',
		'own' => 'own error of the wall',
		'number' => 'a number');
	foreach my $way (sort keys %says)
	{
		my $out = answer("BEGIN; SELECT wall.roll_back($work, '$way'); $locked
			SELECT count(*) FROM public.room; COMMIT; SELECT count(*) FROM public.room;");
		is($out, "$says{$way}, same place\n0\n0\n0", "$way: no lock, no row, same place");
	}
	is(answer("BEGIN; LOCK TABLE public.room; $locked"), 1, 'the lock would be seen');

	my $nested = answer("BEGIN; SELECT wall.roll_back_nested('INSERT INTO public.room VALUES (1)',
		'SELECT count(*) FROM public.room'); $locked");
	is($nested, "2 same place 1 0 same place\n1", 'nested');
	all_gone(answer("SELECT FROM wall.roll_back('SELECT 1', 'server'); SELECT wall.witnesses();"),
		1, 'destructors');
};

subtest 'SQL from C++ is not fooled by search_path' => sub {
	$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA evil;
CREATE TABLE evil.pg_class (relname name);
CREATE FUNCTION evil.upper(text) RETURNS text LANGUAGE sql AS $$SELECT 'fooled'::text$$;
CREATE FUNCTION evil.add(int, int) RETURNS int LANGUAGE sql AS 'SELECT 999';
CREATE OPERATOR evil.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.add);
SQL
	my $question = q{SELECT upper('a'), 1 + 1, exists(SELECT FROM pg_class)};
	my $ask = 'SELECT wall.query(' . quoted($question) . ');';
	is(answer("SET search_path = evil, pg_catalog; $question"), 'fooled|999|f', 'bare SQL is');
	is(answer("SET search_path = evil, pg_catalog; $ask"), "A|2|t\n", 'the wall is not');
	my $temporary = 'CREATE TEMP TABLE pg_class (relname name);';
	is(answer("$temporary $question"), 'A|2|f', 'bare SQL is, by a temporary table');
	is(answer("$temporary $ask"), "A|2|t\n", 'the wall is not');
	my $inside = q{SELECT wall.query('SELECT pg_catalog.current_setting(''search_path'')');};
	is(answer($inside), "pg_catalog, pg_temp\n", 'its own search_path');

	my $path = 'SET search_path = evil, pg_catalog;';
	my $fails = q{wall.query('SELECT 1/0')};
	is(answer("$path BEGIN; SELECT FROM wall.query('SELECT 1'); SHOW search_path"),
		'evil, pg_catalog', 'the session\'s is back');
	is(answer("$path SELECT FROM $fails; SHOW search_path"),
		'evil, pg_catalog', 'and after an error');
	is(answer("$path BEGIN; SELECT FROM @{[ caught(\"SELECT $fails\") ]}; SHOW search_path"),
		'evil, pg_catalog', 'and after a caught error');
	is(answer("$path BEGIN; SELECT wall.query_rolled_back('SELECT 1/0'); SHOW search_path"),
		"division by zero\nevil, pg_catalog", 'and after an error swallowed in C++');
	is(answer("BEGIN; SET LOCAL search_path = evil; SELECT FROM wall.query('SELECT 1');
		SHOW search_path; COMMIT; SHOW search_path"), "evil\n\"\$user\", public", 'a local one too');
};

subtest 'SQL from C++ takes and gives text' => sub {
	my %rows = (
		q{'SELECT 1, NULL, ''x'''} => "1|NULL|x\n",
		q{'SELECT * FROM generate_series(1, 3)'} => "1\n2\n3\n",
		q{'SELECT 1 WHERE false'} => '',
		q{'SELECT'} => '',
		q{''} => '',
		q{'SELECT $1, $1 IS NULL', NULL} => "NULL|t\n",
		q{'SELECT $1::int + $2::int', '40', '2'} => "42\n",
		q{'SELECT $1 || $2', 'a', NULL} => "NULL\n",
		q{'SELECT length($1)', E'quote '' backslash \\\\ newline \n'} => "29\n",
		q{'SELECT length($1)', repeat('x', 1000000)} => "1000000\n",
		q{'SELECT date ''2001-02-03'', true, 1.50, ''{1,NULL}''::int[]'} =>
		  "2001-02-03|t|1.50|{1,NULL}\n",
		q{'SELECT 1; SELECT 2'} => "2\n",
		q{'INSERT INTO public.room VALUES (7) RETURNING id'} => "7\n",
		q{'DELETE FROM public.room'} => '');
	is(answer("SELECT wall.query($_)"), $rows{$_}, $_) foreach sort keys %rows;
	like((session(q{SELECT wall.query('SELECT 1', 'a', 'b', 'c')}))[1],
		qr/ERROR:  too many parameters/, 'more parameters than it has room for');
	like((session(q{SELECT wall.query('COMMIT')}))[1],
		qr/ERROR:  SPI failed: SPI_ERROR_TRANSACTION/, 'a statement that SPI refuses');
};

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|exit code [^01]/, 'A4 no backend ended by a signal');
unlike($log, qr/(WARNING|TRAP): /, 'the server had nothing to complain about');

done_testing();
