# What `make bench` measures of column triggers; read by test/run/bench.
# shellcheck shell=bash
# A BEFORE trigger in C that does nothing: the least that any trigger can cost.
build_idle_trigger() {
  gcc -O2 -fPIC -shared -I"$("$PG_CONFIG" --includedir-server)" "$ROOT/test/bench/idle_trigger.c" \
    -o "$WORK/idle_trigger.so"
  chmod a+rx "$WORK/idle_trigger.so"
}

# Mean of the quicker quarter: what a round costs when nothing else disturbs it.
quick_quarter() {
  sort -n | awk '{v[NR] = $1} END {n = int((NR + 3) / 4); for (i = 1; i <= n; i++) s += v[i]; print s / n}'
}

# Tables that are alike but for their triggers; each round updates the rows of one of them and has them back as they
# were, so that all rounds find the same. Prints "name us-a-row", a line a round.
columns_rounds() {
  sed "s|IDLE_TRIGGER|$WORK/idle_trigger|" <<'SQL' | PGDATABASE=guarded run_sql -A -t -F ' '
SET client_min_messages = error;
SET synchronous_commit = off;
DROP SCHEMA IF EXISTS stamps CASCADE;
CREATE SCHEMA stamps;
SET search_path = stamps, public;
CREATE EXTENSION IF NOT EXISTS moddatetime SCHEMA public;
CREATE FUNCTION idle_trigger() RETURNS trigger LANGUAGE c AS 'IDLE_TRIGGER', 'idle_trigger';
CREATE FUNCTION idiom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TABLE plain (id bigint PRIMARY KEY, a integer, b integer, name text, note text, total numeric, created_at timestamptz, updated_at timestamptz) WITH (fillfactor = 40);
INSERT INTO plain SELECT g, g, g, 'name ' || g, 'a note on number ' || g, g, now(), now() FROM generate_series(1, 40000) g;
SELECT format('CREATE TABLE %1$I (LIKE plain INCLUDING ALL) WITH (fillfactor = 40); INSERT INTO %1$I TABLE plain', t)
  FROM unnest('{set_list,idle,contrib,plpgsql,trigger,planned,version,marked,soft,hidden}'::text[]) t \gexec
-- Of soft delete: pages that are full, as they are where nobody has thought of updates.
SELECT format('ALTER TABLE %1$I ADD COLUMN deleted_at timestamptz, SET (fillfactor = 100)', t)
  FROM unnest('{marked,soft,hidden}'::text[]) t \gexec
SELECT db_guard.enable_soft_delete('soft') \g /dev/null
CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE stamps.hidden SET deleted_at = now() WHERE id = OLD.id; RETURN NULL; END $$;
CREATE TRIGGER t BEFORE DELETE ON hidden FOR EACH ROW EXECUTE FUNCTION hide();
VACUUM FULL marked, soft, hidden;
CREATE TRIGGER t BEFORE UPDATE ON idle FOR EACH ROW EXECUTE FUNCTION idle_trigger();
CREATE TRIGGER t BEFORE UPDATE ON contrib FOR EACH ROW EXECUTE FUNCTION moddatetime('updated_at');
CREATE TRIGGER t BEFORE UPDATE ON plpgsql FOR EACH ROW EXECUTE FUNCTION idiom();
SELECT db_guard.enable_updated_at('trigger'), db_guard.enable_updated_at('planned'), db_guard.enable_row_version('version', 'b') \g /dev/null
VACUUM (FREEZE, ANALYZE);
CREATE PROCEDURE one_round(what text, tell boolean) LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
  took double precision;
BEGIN
  PERFORM set_config('db_guard.stamp_at_plan_time', CASE what WHEN 'planned' THEN 'on' ELSE 'off' END, true);
  started := clock_timestamp();
  EXECUTE format(CASE WHEN what IN ('soft', 'hidden') THEN 'DELETE FROM stamps.%I'
                      WHEN what = 'marked' THEN 'UPDATE stamps.%I SET deleted_at = now()'
                      WHEN what = 'set_list' THEN 'UPDATE stamps.%I SET a = a + 1, updated_at = now()'
                      ELSE 'UPDATE stamps.%I SET a = a + 1' END, what);
  took := extract(epoch FROM clock_timestamp() - started) * 1e6 / 40000;
  ROLLBACK;
  IF tell THEN RAISE INFO '% %', what, took; END IF;
END $$;
SQL
  columns_turns 2>&1 | sed -n 's/^.*INFO: *//p'
}

# In an order that is dealt anew each time. Rows that were rolled back are pruned from their pages in between.
columns_turns() {
  local round what
  {
    echo 'SET synchronous_commit = off; SET search_path = stamps;'
    for what in $COLUMN_SIDES; do echo "CALL one_round('$what', false);"; done
    for ((round = 0; round < RUNS * 8; round++)); do
      for what in $(shuf -e $COLUMN_SIDES); do
        echo "VACUUM $what; CALL one_round('$what', true);"
      done
    done
  } | PGDATABASE=guarded run_sql
}

COLUMN_SIDES="plain set_list idle contrib plpgsql trigger planned version marked soft hidden"

bench_columns() {
  local side
  declare -A us
  build_idle_trigger
  columns_rounds >"$WORK/columns"
  for side in $COLUMN_SIDES; do
    us[$side]=$(awk -v side="$side" '$1 == side {print $2}' "$WORK/columns" | quick_quarter)
  done
  printf 'UPDATE of 40,000 rows of 8 columns, us a row: %.3f plain' "${us[plain]}"
  printf '; %.3f with updated_at in its SET list; triggers: %.3f that does nothing' "${us[set_list]}" "${us[idle]}"
  printf ', %.3f moddatetime, %.3f PL/pgSQL; db_guard: %.3f trigger, %.3f at plan time, %.3f row version\n' \
    "${us[contrib]}" "${us[plpgsql]}" "${us[trigger]}" "${us[planned]}" "${us[version]}"
  added 'added by updated_at, against a trigger that does nothing' trigger idle 'must be <= 1.10'
  added 'added by updated_at, against moddatetime' trigger contrib 'must be <= 0.90'
  added 'added by updated_at, against PL/pgSQL' trigger plpgsql 'shown for comparison'
  added 'added by row version, against a trigger that does nothing' version idle 'shown for comparison'
  whole 'UPDATE with updated_at at plan time, against its SET list' planned set_list 'aim: <= 1.05'
  whole 'UPDATE with the trigger, against its SET list' trigger set_list 'shown for comparison'
  whole 'soft DELETE, against UPDATE ... SET deleted_at' soft marked 'aim: <= 1.15'
  whole 'the same by a PL/pgSQL trigger, which reports DELETE 0' hidden marked 'shown for comparison'
  bench_requests
}

# added TEXT SIDE OTHER REMARK: what SIDE costs beyond the plain UPDATE, against what OTHER does.
added() {
  awk -v text="$1" -v one="${us[$2]}" -v other="${us[$3]}" -v plain="${us[plain]}" -v remark="$4" \
    'BEGIN {printf "%-60s %.3f us, %.3f us, ratio %.3f (%s)\n", text, one - plain, other - plain, (one - plain) / (other - plain), remark}'
}

whole() {
  awk -v text="$1" -v one="${us[$2]}" -v other="${us[$3]}" -v remark="$4" \
    'BEGIN {printf "%-60s %.3f us, %.3f us, ratio %.3f (%s)\n", text, one, other, one / other, remark}'
}

# Claiming and completing requests, against the INSERT and the UPDATE that a client would write; in the server, and by
# a client for whom each is a transaction that is on disk when it returns.
bench_requests() {
  local run
  PGDATABASE=guarded run_sql <<'SQL'
SET client_min_messages = error;
DROP SCHEMA IF EXISTS rq CASCADE;
CREATE SCHEMA rq;
CREATE TABLE rq.plain (LIKE db_guard.requests INCLUDING ALL);
CREATE SEQUENCE rq.keys;
CREATE FUNCTION rq.request_us(claim boolean) RETURNS double precision LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  started timestamptz := clock_timestamp();
  turn text := nextval('rq.keys');
  stated bigint;
BEGIN
  FOR i IN 1 .. 10000 LOOP
    IF claim THEN
      SELECT token INTO stated FROM db_guard.claim_request(turn || '/' || i, 'f');
      PERFORM db_guard.complete_request(turn || '/' || i, stated, '{"order": 42}');
    ELSE
      INSERT INTO rq.plain (key, fingerprint, lease_until) VALUES (turn || '/' || i, 'f', now() + '1 minute')
        ON CONFLICT (claimant, key) DO NOTHING RETURNING token INTO stated;
      UPDATE rq.plain SET completed_at = clock_timestamp(), reply = '{"order": 42}'
       WHERE claimant = current_user AND key = turn || '/' || i AND token = stated;
    END IF;
  END LOOP;
  RETURN extract(epoch FROM clock_timestamp() - started) * 1e6 / 10000;
END $$;
SQL
  cat >"$WORK/claim.sql" <<'SQL'
SELECT nextval('rq.keys') AS id \gset
BEGIN;
SELECT token FROM db_guard.claim_request(:id::text, 'f') \gset
SELECT db_guard.complete_request(:id::text, :token, '{"order": 42}');
COMMIT;
SQL
  cat >"$WORK/write.sql" <<'SQL'
SELECT nextval('rq.keys') AS id \gset
BEGIN;
INSERT INTO rq.plain (key, fingerprint, lease_until) VALUES (:id::text, 'f', now() + '1 minute') ON CONFLICT (claimant, key) DO NOTHING RETURNING token \gset
UPDATE rq.plain SET completed_at = clock_timestamp(), reply = '{"order": 42}' WHERE claimant = current_user AND key = :id::text AND token = :token;
COMMIT;
SQL
  for ((run = 0; run < RUNS * 2; run++)); do
    PGDATABASE=guarded PGOPTIONS='-c synchronous_commit=off' run_sql -A -t -F ' ' -c 'SELECT rq.request_us(true), rq.request_us(false)'
  done | pairs_line 'claim and complete in the server, against INSERT and UPDATE' us 'shown for comparison'
  for ((run = 0; run < RUNS; run++)); do
    echo "$(request_ms claim) $(request_ms write)"
  done | pairs_line 'the same by a client, which commits' ms 'aim: <= 1.15'
}

request_ms() {
  PGDATABASE=guarded PGOPTIONS='-c enable_seqscan=off' pgbench -n -M prepared -T 2 -f "$WORK/$1.sql" 2>/dev/null | awk '/^latency average/ {print $4}'
}
