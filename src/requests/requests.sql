-- requests: doing what a client asks for once, however often it asks.

CREATE TABLE db_guard.requests (
    claimant     name NOT NULL DEFAULT current_user,
    key          text NOT NULL,
    fingerprint  text NOT NULL,
    token        bigint NOT NULL DEFAULT 1,
    claimed_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    lease_until  timestamptz NOT NULL,
    completed_at timestamptz,
    reply        jsonb,
    PRIMARY KEY (claimant, key)
);

COMMENT ON TABLE db_guard.requests IS
'Requests that were claimed, and their replies. Written by db_guard.claim_request, complete_request and release_request with the rights of whoever calls them: GRANT SELECT, INSERT, UPDATE, DELETE to the roles that may. Each role has keys of its own and sees no other''s.';
COMMENT ON COLUMN db_guard.requests.claimant IS 'The role that has claimed it.';
COMMENT ON COLUMN db_guard.requests.key IS 'The client''s idempotency key.';
COMMENT ON COLUMN db_guard.requests.fingerprint IS 'What the request asks for, for example a hash of it; a key stands for one request only.';
COMMENT ON COLUMN db_guard.requests.token IS 'Counts the claims: who has an older one has lost the request.';
COMMENT ON COLUMN db_guard.requests.claimed_at IS 'Of the last claim.';
COMMENT ON COLUMN db_guard.requests.lease_until IS 'From then on an incomplete request can be claimed again.';
COMMENT ON COLUMN db_guard.requests.completed_at IS 'NULL while it is not complete.';
COMMENT ON COLUMN db_guard.requests.reply IS 'What the client got, and gets again.';

REVOKE ALL ON TABLE db_guard.requests FROM PUBLIC;
ALTER TABLE db_guard.requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_requests ON db_guard.requests USING (claimant = current_user);
COMMENT ON POLICY own_requests ON db_guard.requests IS 'Replies are nobody else''s business.';

SELECT pg_catalog.pg_extension_config_dump('db_guard.requests', '');

-- No SET search_path for these: it would be set and reset for every call, and their statements name everything in full.
CREATE FUNCTION db_guard.claim_request(
    key text, fingerprint text DEFAULT '', lease interval DEFAULT '1 minute',
    OUT state text, OUT reply jsonb, OUT token bigint, OUT lease_until timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_claim_request';
COMMENT ON FUNCTION db_guard.claim_request(text, text, interval) IS
'Claims a request by the client''s key. state claimed: do the work, then complete_request with the token. done: reply is what the client got the first time. busy: somebody else has it, until lease_until at most. In the transaction that does the work, others wait for its end and see done, or claimed after a rollback; where the claim is committed first, the lease is for owners that crash. Errors: 22023 the key was used for another fingerprint, 22004 NULL, 42501 no rights on db_guard.requests.';
REVOKE ALL ON FUNCTION db_guard.claim_request(text, text, interval) FROM PUBLIC;
-- The rights on the table decide.
GRANT EXECUTE ON FUNCTION db_guard.claim_request(text, text, interval) TO PUBLIC;

CREATE FUNCTION db_guard.complete_request(key text, token bigint, reply jsonb DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_complete_request';
COMMENT ON FUNCTION db_guard.complete_request(text, bigint, jsonb) IS
'Stores the reply of a request that was claimed with this token. Error 55000 where it is complete already or somebody else has claimed it since: then roll back.';
REVOKE ALL ON FUNCTION db_guard.complete_request(text, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.complete_request(text, bigint, jsonb) TO PUBLIC;

CREATE FUNCTION db_guard.release_request(key text, token bigint)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_release_request';
COMMENT ON FUNCTION db_guard.release_request(text, bigint) IS
'Gives a request up that was claimed with this token and is not complete, so that it can be claimed again at once; false where there is none.';
REVOKE ALL ON FUNCTION db_guard.release_request(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.release_request(text, bigint) TO PUBLIC;

CREATE FUNCTION db_guard.prune_requests(older_than interval DEFAULT '7 days')
RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH pruned AS (
        DELETE FROM db_guard.requests
         WHERE coalesce(completed_at, lease_until) < pg_catalog.now() - older_than
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM pruned
$$;
COMMENT ON FUNCTION db_guard.prune_requests(interval) IS
'Deletes the requests that were completed, or whose lease ended, longer ago than that, and returns how many: of the caller, or of all for the table''s owner. A key that is gone can be claimed anew.';
REVOKE ALL ON FUNCTION db_guard.prune_requests(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.prune_requests(interval) TO PUBLIC;
