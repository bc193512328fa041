# Locks behind PgBouncer in transaction mode: what works, and what says that it does not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir_short();

# The installed one, or Debian's package unpacked: installing it would start a service.
sub find_pgbouncer
{
	foreach my $path (split(/:/, $ENV{PATH}), '/usr/sbin')
	{
		return "$path/pgbouncer" if -x "$path/pgbouncer";
	}
	my $folder = "$tmp/package";
	mkdir $folder;
	system("cd '$folder' && apt-get -q download pgbouncer libevent-2.1-7 libc-ares2 >download.log 2>&1");
	system("cd '$folder' && for file in *.deb; do dpkg -x \"\$file\" root >/dev/null 2>&1; done");
	my ($libraries) = glob "$folder/root/usr/lib/*-linux-gnu*";
	$ENV{LD_LIBRARY_PATH} = $libraries if $libraries;
	return "$folder/root/usr/sbin/pgbouncer";
}

my $pgbouncer = find_pgbouncer();
plan skip_all => 'no PgBouncer, and none to be had' unless -x $pgbouncer && system("'$pgbouncer' --version >/dev/null 2>&1") == 0;

my $node = PostgreSQL::Test::Cluster->new('pooled');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nmax_worker_processes = 8\ndb_guard.mode = off\n");
$node->start;
my $user = $node->safe_psql('postgres', 'SELECT current_user');
$node->safe_psql('postgres', 'CREATE EXTENSION db_guard; CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT generate_series(1, 500)');

my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($server_host, $server_port) = ($node->host, $node->port);
append_to_file("$tmp/users", "\"$user\" \"\"\n");
append_to_file("$tmp/pgbouncer.ini", <<"INI");
[databases]
postgres = host=$server_host port=$server_port user=$user
[pgbouncer]
pool_mode = transaction
listen_addr =
listen_port = $port
unix_socket_dir = $tmp
auth_type = any
auth_file = $tmp/users
default_pool_size = 2
server_round_robin = 1
logfile = $tmp/log
pidfile = $tmp/pid
INI
system_or_bail($pgbouncer, '-d', '-q', "$tmp/pgbouncer.ini");
END { if (defined $tmp && -f "$tmp/pid") { kill 'TERM', slurp_file("$tmp/pid") + 0 } }


sub ask
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '-h', $tmp, '-p', $port, '-U', $user, 'postgres' ],
		'<', \$sql, '>', \$out, '2>', \$err);
	chomp $out;
	return ($out, $err);
}

# Occupies one of the two sessions behind the pool until it is finished.
sub open_transaction
{
	my ($in, $out) = ("BEGIN;\nSELECT 'open';\n", '');
	my $client = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-h', $tmp, '-p', $port, '-U', $user, 'postgres' ],
		'<', \$in, '>', \$out);
	$client->pump until $out =~ /open/;
	return sub { $in .= "COMMIT;\n\\q\n"; $client->finish; return; };
}

my ($out, $err) = ask("BEGIN;\nSELECT 'locked' FROM (SELECT db_guard.lock('nightly')) l;\nSELECT count(*) FROM db_guard.held_locks;\nCOMMIT;\nSELECT count(*) FROM db_guard.held_locks;");
is("$out|$err", "locked\n1\n0|", 'a lock of the transaction works');

ask("SELECT db_guard.session_lock('stranded')");
my $finish = open_transaction();
($out, $err) = ask("SELECT db_guard.session_unlock('stranded')");
$finish->();
like($err, qr/ERROR:  lock "stranded" is not held by this session\n.*Behind a pooler in transaction mode/s, 'an unlock that lands elsewhere is an error that says why');
is($node->safe_psql('postgres', q{SELECT count(*) FROM db_guard.held_locks WHERE name = 'stranded'}), 1, 'and the view shows who has the lock');

($out, $err) = ask(q{CALL db_guard.run_with_lock('queue', 'UPDATE t SET n = 1 WHERE id = 1');});
is($err, '', 'run_with_lock works');
is($node->safe_psql('postgres', q{SELECT count(*) FROM db_guard.held_locks WHERE name = 'queue'}), 0, 'and leaves nothing behind');
($out, $err) = ask(q{CALL db_guard.run_with_retries('ALTER TABLE t ADD COLUMN note text');});
is($err, '', 'run_with_retries works');
($out, $err) = ask(q{SELECT db_guard.acquire_lease('leader', '1 hour');} . "\n" . q{SELECT db_guard.check_lease('leader', 1);} . "\n" . q{SELECT db_guard.release_lease('leader', 1);});
is($err, '', 'a lease works over several transactions');
$err = '';
IPC::Run::run([ 'psql', '-X', '-h', $tmp, '-p', $port, '-U', $user, '-c', q{SELECT 1; CALL db_guard.batch_update('t', 'n = n + 1')}, 'postgres' ],
	'>', '/dev/null', '2>', \$err);
like($err, qr/batch_update commits after each batch, so it cannot run inside a transaction block/, 'two statements in one message are a transaction block');
($out, $err) = ask(q{CALL db_guard.batch_update('t', 'n = n + 1', pause => '0');});
unlike($err, qr/ERROR/, 'a batch job works');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE n > 0'), 500, 'and is done');

done_testing();
