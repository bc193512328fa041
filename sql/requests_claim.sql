-- Idempotency keys.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
\set SHOW_CONTEXT never
CREATE ROLE requester;
CREATE ROLE other_requester;
SET ROLE requester;
SELECT * FROM db_guard.claim_request('k');
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON db_guard.requests TO requester, other_requester;
SET ROLE requester;
SET search_path = '';
-- Once, and the same reply for ever.
SELECT state, reply, token, lease_until > now() + interval '50 seconds' AS leased FROM db_guard.claim_request('k1', 'pay 5');
SELECT state, reply, token, lease_until > now() AS leased FROM db_guard.claim_request('k1', 'pay 5');
SELECT db_guard.complete_request('k1', 1, '{"paid": 5}');
SELECT * FROM db_guard.claim_request('k1', 'pay 5');
SELECT * FROM db_guard.claim_request('k1', 'pay 6');
SELECT db_guard.complete_request('k1', 1, '{"paid": 7}');
SELECT db_guard.release_request('k1', 1) AS too_late;
CREATE FUNCTION pg_temp.wal_bytes(sql text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT json) ' || sql INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'WAL Bytes';
END $$;
SELECT pg_temp.wal_bytes($$SELECT db_guard.claim_request('k1', 'pay 5')$$) AS replayed,
       pg_temp.wal_bytes($$SELECT db_guard.claim_request('k1b', 'pay 5')$$) > 0 AS claimed;
-- Without a reply, without a fingerprint, with long texts.
SELECT state, token FROM db_guard.claim_request('');
SELECT db_guard.complete_request('', 1);
SELECT * FROM db_guard.claim_request('');
SELECT state FROM db_guard.claim_request('big', repeat('f', 100000));
SELECT db_guard.complete_request('big', 1, to_jsonb(repeat('r', 100000)));
SELECT state, length(reply::text) FROM db_guard.claim_request('big', repeat('f', 100000));
-- Rolled back: nobody has it. Given up: the same.
BEGIN;
SELECT state, token FROM db_guard.claim_request('k2');
ROLLBACK;
SELECT state, token FROM db_guard.claim_request('k2');
SELECT db_guard.release_request('k2', 2) AS other_token, db_guard.release_request('k2', 1) AS ours, db_guard.release_request('k2', 1) AS gone;
SELECT state, token FROM db_guard.claim_request('k2');
-- The lease of an owner that crashed: who comes next has a newer token, and the old one has lost.
SELECT state, token FROM db_guard.claim_request('k3', 'x', '1 microsecond');
SELECT state, token FROM db_guard.claim_request('k3', 'x', '1 hour');
SELECT state, token FROM db_guard.claim_request('k3', 'x', '1 hour');
SELECT db_guard.complete_request('k3', 1, '"late"');
SELECT db_guard.complete_request('k3', 2, '"in time"');
SELECT state, reply FROM db_guard.claim_request('k3', 'x');
-- What makes no sense.
SELECT db_guard.claim_request(NULL);
SELECT db_guard.claim_request('k4', NULL);
SELECT db_guard.claim_request('k4', 'x', NULL);
SELECT db_guard.claim_request('k4', 'x', '0');
SELECT db_guard.complete_request('never', 1);
SELECT db_guard.complete_request('k3', NULL);
SELECT db_guard.release_request(NULL, 1);
-- Another role: other keys, and no look at these. The plans of the session are not the first role's.
RESET ROLE;
SET ROLE other_requester;
SELECT state, token FROM db_guard.claim_request('k1', 'something else');
SELECT db_guard.complete_request('k2', 1);
SELECT claimant, key FROM db_guard.requests;
UPDATE db_guard.requests SET reply = '"forged"' WHERE key = 'k3';
INSERT INTO db_guard.requests (claimant, key, fingerprint, lease_until) VALUES ('requester', 'k9', '', now());
SELECT db_guard.prune_requests('-1 hour') AS own_only;
RESET ROLE;
SELECT claimant, key, token, completed_at IS NOT NULL AS complete FROM db_guard.requests ORDER BY 1, 2;
SELECT db_guard.prune_requests() AS none, db_guard.prune_requests('-2 hours') AS all;
RESET search_path;
SET client_min_messages = warning;
DROP OWNED BY requester, other_requester;
DROP ROLE requester, other_requester;
