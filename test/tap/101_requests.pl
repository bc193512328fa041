# Trap: idempotency keys under many clients, some of which are killed. No request is done twice, none is lost.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('requests');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION db_guard;
CREATE TABLE done (key text, reply text);
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT ON done TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON db_guard.requests TO app;
CREATE FUNCTION work(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE claim record;
BEGIN
    SELECT * INTO claim FROM db_guard.claim_request(key, 'work');
    IF claim.state = 'claimed' THEN
        INSERT INTO done VALUES (key, 'reply to ' || key);
        PERFORM db_guard.complete_request(key, claim.token, to_jsonb('reply to ' || key));
        RETURN 'reply to ' || key;
    END IF;
    RETURN claim.reply #>> '{}';
END $$;
SQL

# Everybody asks for the same keys at the same time; a third of the transactions roll back.
my $script = $node->basedir . '/work.sql';
append_to_file($script, <<'SQL');
\set key random(1, 300)
\set luck random(1, 3)
BEGIN;
SELECT 1 / (work('key ' || :key) = 'reply to key ' || :key)::integer;
\if :luck = 1
ROLLBACK;
\else
COMMIT;
\endif
SQL
my $load = sub {
	my ($name) = @_;
	$node->command_ok([ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', '100', '-f', $script, '-U', 'app',
			'-h', $node->host, '-p', $node->port, 'postgres' ], $name);
};
$load->('16 clients get the right reply each time');
my $count = "SELECT count(*) - count(DISTINCT key) || ' ' || bool_and(EXISTS (SELECT FROM db_guard.requests AS r WHERE r.key = done.key AND completed_at IS NOT NULL)) FROM done";
is($node->safe_psql('postgres', $count), '0 true', 'no request is done twice, and each has its reply');

# An owner that has committed its claim and dies: its lease ends, another takes over, with a newer token.
my $owner = $node->background_psql('postgres');
my $pid = $owner->query_safe('SELECT pg_backend_pid()');
is($owner->query_safe("SELECT state FROM db_guard.claim_request('doomed', 'work', '1 day')"), 'claimed', 'an owner');
kill 'KILL', $pid;
ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"), 'is killed');
is($node->safe_psql('postgres', "SELECT state FROM db_guard.claim_request('doomed', 'work')"), 'busy', 'its lease holds');
$node->safe_psql('postgres', "UPDATE db_guard.requests SET lease_until = now() WHERE key = 'doomed'");
is($node->safe_psql('postgres', "SELECT state || ' ' || token FROM db_guard.claim_request('doomed', 'work')"), 'claimed 2', 'and ends');
is($node->safe_psql('postgres', $count), '0 true', 'what was done is still done once');
$load->('and goes on');
is($node->safe_psql('postgres', $count), '0 true', 'once');

$node->stop;
done_testing();
