# What `make bench` measures of batches and named locks; read by test/run/bench.
# shellcheck shell=bash
# --- batches --------------------------------------------------------------------------------------

ROWS=${ROWS:-1000000}

# fresh_accounts ROWS INDEXES: a table of about 120 bytes a row with that many indexes, none of them over
# abalance; pages full, as a bulk load leaves them.
fresh_accounts() {
  PGDATABASE=guarded run_sql -v rows="$1" -v more="$(($2 - 2))" <<'SQL'
SET client_min_messages = error;
SET db_guard.mode = off;
DROP TABLE IF EXISTS accounts;
CREATE TABLE accounts (aid bigint PRIMARY KEY, bid integer NOT NULL, abalance integer NOT NULL, filler text);
INSERT INTO accounts SELECT g, g % 100, 0, repeat('x', 70) FROM generate_series(1, :rows) g;
CREATE INDEX accounts_bid ON accounts (bid);
SELECT format('CREATE INDEX accounts_%s ON accounts (bid, aid, left(filler, %s))', g, g) FROM generate_series(1, :more) g \gexec
VACUUM ANALYZE accounts;
CHECKPOINT;
SQL
}

# timed SQL: runs it, once: behind a semicolon \g would run it again. Prints milliseconds, bytes of WAL and bytes of the heap.
timed() {
  PGDATABASE=guarded PGOPTIONS='-c client_min_messages=error' run_sql -A -t -F ' ' <<SQL
SELECT pg_current_wal_insert_lsn() AS wal, clock_timestamp() AS started \gset
${1%;} \g /dev/null
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz) * 1000), pg_current_wal_insert_lsn() - :'wal'::pg_lsn,
       pg_relation_size('accounts');
SQL
}

BATCHED="CALL db_guard.batch_update('accounts', 'abalance = abalance + 1', pause => '0'"

# against_update INDEXES STATEMENT LIMIT NAME: turn by turn against one UPDATE, each on a fresh table.
against_update() {
  local indexes=$1 statement=$2 limit=$3 name=$4 column=${5:-abalance} run
  for ((run = 0; run < RUNS; run++)); do
    fresh_accounts "$ROWS" "$indexes"
    timed "UPDATE accounts SET $column = $column + 1" >"$WORK/plain"
    fresh_accounts "$ROWS" "$indexes"
    echo "$(timed "$statement") $(<"$WORK/plain")"
  done >"$WORK/batch.runs"
  awk '{print $1 / $4, $2 / $5, $3 / $6, $1, $4}' "$WORK/batch.runs" | sort -n |
    awk -v name="$name" -v limit="$limit" '{r[NR] = $0} END {split(r[int((NR + 1) / 2)], v, " ")
      printf "%-52s time %.2f (%s), WAL %.2f, heap %.2f of one UPDATE; %d ms against %d ms\n", name, v[1], limit, v[2], v[3], v[4], v[5] }'
}

# milliseconds ROWS STATEMENT: on a fresh table of so many rows, with two indexes.
batch_ms() {
  fresh_accounts "$1" 2
  timed "$2" | awk '{print $1}'
}

# ten_times STATEMENT: what ten times the rows cost.
ten_times() {
  local run
  for ((run = 0; run < RUNS; run++)); do
    echo "$(batch_ms "$ROWS" "$1") $(batch_ms $((ROWS / 10)) "$1")"
  done | awk '{print $1 / $2, $1, $2}' | sort -n | awk '{r[NR] = $0} END {split(r[int((NR + 1) / 2)], v, " ")
    printf "%-52s %.1f (must be <= 10.5); %d ms against %d ms\n", "batch_update, ten times the rows", v[1], v[2], v[3]}'
}

# seed_loop SECONDS: the loop that people write to fill a new column, with that pause after each batch (0.1 where
# it is copied from): all in one transaction, and what is done is read again for each batch.
seed_loop() {
  cat <<SQL
DO \$\$
DECLARE
  batch_size integer := 1000;
  rows_updated integer;
BEGIN
  LOOP
    UPDATE accounts SET total = abalance + bid WHERE aid IN (
      SELECT aid FROM accounts WHERE total IS NULL LIMIT batch_size FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS rows_updated = ROW_COUNT;
    EXIT WHEN rows_updated = 0;
    PERFORM pg_sleep($1);
  END LOOP;
END \$\$;
SQL
}

# fill_ms STATEMENT: milliseconds to fill a new column of a fresh table.
fill_ms() {
  fresh_accounts "$ROWS" 2
  PGDATABASE=guarded run_sql -c 'SET db_guard.mode = off; ALTER TABLE accounts ADD COLUMN total integer'
  timed "$1" | awk '{print $1}'
}

# Once: the loop with its pauses takes two minutes for a million rows.
against_seed_loop() {
  local batched paused unpaused
  batched=$(fill_ms "CALL db_guard.batch_update('accounts', 'total = abalance + bid', 'total IS NULL', pause => '0');")
  paused=$(fill_ms "$(seed_loop 0.1)")
  unpaused=$(fill_ms "$(seed_loop 0)")
  awk -v n="$ROWS" -v b="$batched" -v p="$paused" -v u="$unpaused" 'BEGIN {
    printf "%-52s %.2f of a DO loop with LIMIT 1000 and pg_sleep(0.1) (must be <= 0.15 at a million), %.2f of it without the pauses; %d ms against %d and %d ms\n",
      "batch_update of " n " rows", b / p, b / u, b, p, u}'
}

# In the order of the key, ten thousand at a time, each batch committed.
keyset_loop() {
  cat <<'SQL'
DO $$
DECLARE
  low bigint := 0;
  high bigint;
BEGIN
  LOOP
    SELECT max(aid) INTO high FROM (SELECT aid FROM accounts WHERE aid > low ORDER BY aid LIMIT 10000) AS batch;
    EXIT WHEN high IS NULL;
    UPDATE accounts SET abalance = abalance + 1 WHERE aid > low AND aid <= high;
    COMMIT;
    low := high;
  END LOOP;
END $$;
SQL
}

# By place, a thousand pages at a time, to where the table ended at the start.
place_loop() {
  cat <<'SQL'
DO $$
DECLARE
  pages bigint := pg_relation_size('accounts') / current_setting('block_size')::bigint;
BEGIN
  FOR page IN 0 .. pages - 1 BY 1000 LOOP
    UPDATE accounts SET abalance = abalance + 1
     WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', least(page + 1000, pages))::tid;
    COMMIT;
  END LOOP;
END $$;
SQL
}

# against_peers NAME: ours and theirs side by side, as shares of one UPDATE.
against_peers() {
  local name=$1 run
  for ((run = 0; run < RUNS; run++)); do
    echo "$(batch_ms "$ROWS" 'UPDATE accounts SET abalance = abalance + 1') $(batch_ms "$ROWS" "$BATCHED);")" \
      "$(batch_ms "$ROWS" "$(keyset_loop)") $(batch_ms "$ROWS" "$(place_loop)")"
  done | awk '{print $2 / $1, $3 / $1, $4 / $1}' | sort -n | awk -v name="$name" '{r[NR] = $0} END {split(r[int((NR + 1) / 2)], v, " ")
    printf "%-52s batch_update %.2f, keyset loop %.2f, ctid walk %.2f of one UPDATE\n", name, v[1], v[2], v[3]}'
}

# with_settings SETTING... -- PART...: runs the part with settings of the server, which is restarted.
with_settings() {
  local settings=()
  while [[ $1 != -- ]]; do
    settings+=("$1")
    shift
  done
  shift
  stop_server bench
  start_server bench "${settings[@]}"
  "$@"
  stop_server bench
  start_server bench 'shared_buffers = 512MB' 'autovacuum = off' 'fsync = off'
}

# Longest wait of a session that updates one row at a time while the table is updated.
longest_wait() {
  fresh_accounts "$ROWS" 2
  printf '%s\n' "\\set aid random(1, $ROWS)" 'UPDATE accounts SET filler = filler WHERE aid = :aid;' >"$WORK/writer.sql"
  PGDATABASE=guarded pgbench -n -c 1 -T 600 -l --log-prefix="$WORK/writer" -f "$WORK/writer.sql" >/dev/null 2>&1 &
  local writer=$!
  timed "$1" >/dev/null
  # In the background it would not hear SIGINT, and SIGTERM would lose the end of its log.
  PGDATABASE=guarded run_sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'" >/dev/null
  wait $writer 2>/dev/null || true
  cat "$WORK"/writer.[0-9]* 2>/dev/null | awk 'NF >= 6 && $3 > m {m = $3} END {printf "%.0f\n", m / 1000}'
  rm -f "$WORK"/writer.[0-9]*
}

batch_against_update() {
  against_update 2 "$BATCHED);" 'must be <= 0.60' 'batch_update, 2 indexes'
  against_update 5 "$BATCHED);" 'must be <= 0.40' 'batch_update, 5 indexes'
  against_update 2 "CALL db_guard.batch_update('accounts', 'bid = bid + 1', pause => '0');" 'must be <= 1.05' \
    'batch_update of an indexed column' bid
  against_peers 'autovacuum off, table in shared_buffers'
  ten_times "$BATCHED);"
  against_seed_loop
}

# Every batch waits for the disk at its commit, as it does where rows matter.
bench_batch() {
  with_settings 'fsync = on' -- batch_against_update
  with_settings 'fsync = on' 'autovacuum = on' -- against_peers 'autovacuum on'
  with_settings 'fsync = on' 'autovacuum = on' 'shared_buffers = 32MB' -- against_peers 'table four times shared_buffers'
}

bench_waits() {
  printf '%-52s %s ms in one UPDATE, %s ms in batches of 50 ms (must be <= 150)\n' 'longest wait of a one-row writer' \
    "$(longest_wait 'UPDATE accounts SET abalance = abalance + 1;')" "$(longest_wait "$BATCHED);")"
}

# --- locks ----------------------------------------------------------------------------------------

# Nanoseconds of a lock and its unlock, in a loop inside the server.
lock_ns() {
  PGDATABASE=guarded run_sql -A -t -v pair="$1" <<'SQL'
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION lock_pairs(pair text, times integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
BEGIN
  started := clock_timestamp();
  IF pair = 'named' THEN
    FOR i IN 1 .. times LOOP PERFORM db_guard.try_session_lock('bench'), db_guard.session_unlock('bench'); END LOOP;
  ELSE
    FOR i IN 1 .. times LOOP PERFORM pg_try_advisory_lock(4711), pg_advisory_unlock(4711); END LOOP;
  END IF;
  RETURN extract(epoch FROM clock_timestamp() - started) * 1e9 / times;
END $$;
SELECT lock_pairs(:'pair', 1000) AS warm \gset
SELECT round(lock_pairs(:'pair', 200000));
SQL
}

# Acquisitions of each of eight clients that queue for one lock.
lock_queue() {
  cat >"$WORK/queue.sql" <<'SQL'
BEGIN;
SELECT db_guard.lock('queue');
SELECT pg_sleep(0.002);
COMMIT;
SQL
  PGDATABASE=guarded pgbench -n -c 8 -j 2 -T "$SECONDS_EACH" -l --log-prefix="$WORK/queue" -f "$WORK/queue.sql" >/dev/null 2>&1
  cat "$WORK"/queue.[0-9]* | awk '{n[$1]++; if ($3 > m) m = $3; s += $3; c++}
    END {for (i in n) {if (!least || n[i] < least) least = n[i]; if (n[i] > most) most = n[i]}
      printf "%-52s %d to %d acquisitions, ratio %.3f (must be >= 0.95); longest wait %.1f times the mean\n",
        "8 clients that queue for a named lock", least, most, least / most, m * c / s }'
  rm -f "$WORK"/queue.[0-9]*
}

bench_locks() {
  local run
  for ((run = 0; run < RUNS; run++)); do
    echo "$(lock_ns named) $(lock_ns raw)"
  done | awk '{print $1 / $2, $1, $2}' | sort -n | awk '{r[NR] = $0} END {split(r[int((NR + 1) / 2)], v, " ")
    printf "%-52s %.2f of the raw bigint pair (must be <= 1.3); %d ns against %d ns\n", "named lock and unlock", v[1], v[2], v[3]}'
  lock_queue
}
