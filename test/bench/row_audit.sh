# What `make bench` measures of the row audit; read by test/run/bench.
# shellcheck shell=bash
# Milliseconds of a statement in the server, after a checkpoint.
statement_ms() {
  PGDATABASE=guarded run_sql -A -t -c CHECKPOINT -c "SELECT bench.milliseconds(\$bench\$$1\$bench\$)"
}

# audit_turn SIDE: prints "SIDE INSERT ms", "SIDE UPDATE ms" and "SIDE DELETE ms" for 100,000 rows each; the jsonb
# row trigger and table_log, which would keep everybody waiting, get a tenth of them. Of the side "floor" the images that it takes are written by INSERT ... SELECT, with what else an event has.
audit_turn() {
  local side=$1 rows=100000 insert update delete
  [[ $side != jsonb && $side != tablelog ]] || rows=10000
  local copied="nextval('bench.numbers'), 1::bigint, 1, 'I'::\"char\""
  insert=$(statement_ms "INSERT INTO bench.$side SELECT g, g, 'name ' || g, g * 1.5, now(), repeat('x', 40), g, 'some' FROM generate_series(1, $rows) g")
  [[ $side != floor ]] || insert="$insert $(statement_ms "INSERT INTO bench.images SELECT $copied, f.* FROM bench.floor f")"
  update=$(statement_ms "UPDATE bench.$side SET a = a + 1, d = clock_timestamp()")
  [[ $side != floor ]] || update="$update $(statement_ms "INSERT INTO bench.changes SELECT $copied, id, a, a + 1, d, d FROM bench.floor f")"
  [[ $side != floor ]] || delete=$(statement_ms "INSERT INTO bench.images SELECT $copied, f.* FROM bench.floor f")
  delete="${delete:-} $(statement_ms "DELETE FROM bench.$side")"
  printf '%s\n' "$side INSERT $insert" "$side UPDATE $update" "$side DELETE $delete" |
    awk -v r=$rows '{sum = 0; for (i = 3; i <= NF; i++) sum += $i; print $1, $2, sum * 100000 / r}'
  statement_ms "TRUNCATE bench.plain, bench.ours, bench.floor, bench.statement, bench.jsonb, bench.tablelog, bench.images, bench.changes" >/dev/null
  [[ -z ${EMPTY_LOG:-} ]] || statement_ms 'TRUNCATE db_guard.audit_event' >/dev/null
}

audit_median() { awk -v s="$1" -v o="$2" '$1 == s && $2 == o {print $3}' "$WORK/audit.turns" | median; }

# audit_paired SIDE OTHER OP EXPRESSION: the median over the rounds of what awk makes of a and b, the two sides of one
# round, which a slow minute disturbs alike.
audit_paired() {
  awk -v s="$1" -v t="$2" -v o="$3" "\$2 == o && \$1 == s {a[++n] = \$3} \$2 == o && \$1 == t {b[++m] = \$3}
    END {for (i = 1; i <= n; i++) {x = a[i]; y = b[i]; print $4}}" "$WORK/audit.turns" | median
}

# Debian's package of table_log, where it can be had; to be called before the server is copied.
install_audit_peers() {
  install_missing "postgresql-$PG_MAJOR-tablelog" ||
    warn "no package postgresql-$PG_MAJOR-tablelog: the row audit is not compared with table_log"
}

# As its manual says: all its columns, a log table of its own.
setup_table_log() {
  [[ -f $("$TEMP_BIN/pg_config" --sharedir)/extension/table_log.control ]] || return 1
  PGDATABASE=guarded run_sql -c 'CREATE EXTENSION IF NOT EXISTS table_log SCHEMA public' \
    -c "SELECT public.table_log_init(5, 'bench', 'tablelog', 'bench', 'tablelog_log')"
}

# Peers: a PL/pgSQL statement trigger with typed images, and a row trigger with two jsonb images, a key made of
# the catalog's primary key, and four indexes, as supa_audit is designed.
setup_audit() {
  PGDATABASE=guarded run_sql <<'SQL'
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.plain (id bigint PRIMARY KEY, a int, b text, c numeric, d timestamptz, e text, f int, g text);
CREATE TABLE bench.ours (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.floor (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.statement (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.jsonb (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.tablelog (LIKE bench.plain INCLUDING ALL);
CREATE SEQUENCE bench.numbers CACHE 1000;
CREATE TABLE bench.images (audit_id bigint, transaction bigint, table_id int, op "char", LIKE bench.plain);
CREATE TABLE bench.changes (audit_id bigint, transaction bigint, table_id int, op "char", id bigint, a1 int, a2 int, d1 timestamptz, d2 timestamptz);
SELECT db_guard.enable_audit('bench.ours');
CREATE TABLE bench.statement_log (log_id bigserial, at timestamptz, actor text, op text, LIKE bench.plain);
CREATE FUNCTION bench.log_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO bench.statement_log (at, actor, op, id, a, b, c, d, e, f, g) SELECT clock_timestamp(), session_user, 'D', r.* FROM old_rows r;
  ELSE
    INSERT INTO bench.statement_log (at, actor, op, id, a, b, c, d, e, f, g) SELECT clock_timestamp(), session_user, left(TG_OP, 1), r.* FROM new_rows r;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER i AFTER INSERT ON bench.statement REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION bench.log_statement();
CREATE TRIGGER u AFTER UPDATE ON bench.statement REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION bench.log_statement();
CREATE TRIGGER d AFTER DELETE ON bench.statement REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION bench.log_statement();
CREATE TABLE bench.record_version (id bigserial PRIMARY KEY, record_id uuid, old_record_id uuid, op text, ts timestamptz DEFAULT now(),
  table_oid oid, table_schema name, table_name name, record jsonb, old_record jsonb);
CREATE INDEX ON bench.record_version (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX ON bench.record_version (old_record_id) WHERE old_record_id IS NOT NULL;
CREATE INDEX ON bench.record_version USING brin (ts);
CREATE INDEX ON bench.record_version (table_oid);
CREATE FUNCTION bench.key_columns(target oid) RETURNS text[] STABLE LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
  SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}') FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = target AND i.indisprimary
$$;
CREATE FUNCTION bench.record_key(target oid, keys text[], rec jsonb) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN rec IS NULL THEN NULL WHEN keys = '{}' THEN gen_random_uuid()
    ELSE (SELECT md5((jsonb_build_array(to_jsonb(target)) || jsonb_agg(rec ->> k))::text)::uuid FROM unnest(keys) k) END
$$;
CREATE FUNCTION bench.log_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  keys text[] = bench.key_columns(TG_RELID);
  record_jsonb jsonb = to_jsonb(NEW);
  old_jsonb jsonb = to_jsonb(OLD);
BEGIN
  INSERT INTO bench.record_version (record_id, old_record_id, op, table_oid, table_schema, table_name, record, old_record)
  SELECT bench.record_key(TG_RELID, keys, record_jsonb), bench.record_key(TG_RELID, keys, old_jsonb), TG_OP, TG_RELID,
         TG_TABLE_SCHEMA, TG_TABLE_NAME, record_jsonb, old_jsonb;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER r AFTER INSERT OR UPDATE OR DELETE ON bench.jsonb FOR EACH ROW EXECUTE FUNCTION bench.log_row();
CREATE FUNCTION bench.milliseconds(statement text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
BEGIN
  EXECUTE statement;
  RETURN extract(epoch FROM clock_timestamp() - started) * 1e3;
END $$;
-- Medians of 40 stretches of 250 updates, in which the sides take turns: one after the other would be compared with
-- what the first one has left behind in caches and files.
CREATE FUNCTION bench.one_row_us(sides text[]) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
  count integer := cardinality(sides);
  took double precision[] := array_fill(0::double precision, ARRAY[count, 40]);
  started timestamptz;
  side integer;
BEGIN
  FOR s IN 1 .. count LOOP
    EXECUTE format('INSERT INTO bench.%I SELECT g, g, ''name '' || g, g * 1.5, now(), repeat(''x'', 40), g, ''some'' FROM generate_series(1, 10000) g', sides[s]);
  END LOOP;
  FOR stretch IN 0 .. 39 LOOP
    FOR s IN 1 .. count LOOP
      side := 1 + (stretch + s) % count;
      started := clock_timestamp();
      FOR i IN 1 .. 250 LOOP
        EXECUTE format('UPDATE bench.%I SET a = a + 1, d = now() WHERE id = $1', sides[side]) USING (stretch * 250 + i)::bigint;
      END LOOP;
      took[side][stretch + 1] := extract(epoch FROM clock_timestamp() - started) * 1e6 / 250;
    END LOOP;
  END LOOP;
  RETURN ARRAY(SELECT (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took[s][i]) FROM generate_series(1, 40) i)
                 FROM generate_series(1, count) s);
END $$;
SQL
}

# audit_line NAME OP REMARK: ours against the floor.
audit_line() {
  awk -v n="$1" -v a="$(audit_median ours "$2")" -v b="$(audit_median floor "$2")" \
    -v q="$(audit_paired ours floor "$2" 'x / y')" -v r="$3" \
    'BEGIN {printf "%-58s %9.2f, against %9.2f, ratio %.3f (%s)\n", n, a, b, q, r}'
}

# audit_turns SIDE...: all sides in turns, in an order that is dealt anew for each round; the first round fills caches
# and is not counted.
audit_turns() {
  local run side
  for ((run = 0; run <= RUNS; run++)); do
    for side in $(shuf -e "$@"); do audit_turn "$side"; done >>"$WORK/audit.all"
    ((run > 0)) || : >"$WORK/audit.all"
  done
  mv "$WORK/audit.all" "$WORK/audit.turns"
}

# audit_added OP SIDE: microseconds a row beyond the plain statement.
audit_added() { audit_paired "$2" plain "$1" '(x - y) / 100'; }

# audit_against OP SIDE NAME REMARK: what OP costs more, of that peer and against ours.
audit_against() {
  awk -v a="$(audit_added "$1" ours)" -v b="$(audit_added "$1" "$2")" -v n="$3" -v r="$4" \
    'BEGIN {printf "; %s %.2f, 1/%.*f%s", n, b, b / a < 10, b / a, (r != "") ? " (" r ")" : ""}'
}

bench_audit_bulk() {
  local op
  audit_turns plain floor ours statement jsonb ${TABLE_LOG:+tablelog}
  for op in INSERT UPDATE DELETE; do
    audit_line "audited $op of 100,000 rows, ms, against the floor" $op 'must be <= 1.10'
    printf '  added to %s: %.2f us a row (must be <= 2)' $op "$(audit_added $op ours)"
    audit_against $op statement 'PL/pgSQL statement trigger' 'must be <= 1/1.6'
    audit_against $op jsonb 'jsonb row trigger' 'must be <= 1/50'
    [[ -z $TABLE_LOG ]] || audit_against $op tablelog table_log ''
    echo
  done
}

# The same with the index by key, against a floor with one on a hash of its images. Of both the index begins empty in
# each turn: how large it is decides what a row costs.
bench_audit_indexed() {
  local op
  PGDATABASE=guarded run_sql -c 'SET db_guard.mode = off' -c 'SELECT db_guard.create_audit_index()' -c 'CREATE INDEX ON bench.images (hashint8extended(id, 0))' \
    -c 'CREATE INDEX ON bench.changes (hashint8extended(id, 0))' >/dev/null
  EMPTY_LOG=1 audit_turns plain floor ours
  for op in INSERT UPDATE DELETE; do
    audit_line "$op, both with an index by key" $op 'aim: <= 1.15'
    printf '  added to %s: %.2f us a row\n' $op "$(audit_added $op ours)"
  done
  bench_audit_one_row ', with the index by key' 'shown for comparison'
}

# bench_audit_one_row WHAT REMARK
bench_audit_one_row() {
  local run
  for ((run = 0; run < RUNS; run++)); do
    # Empty of rows first, so that the TRUNCATE has nothing to record.
    PGDATABASE=guarded run_sql -c 'DELETE FROM bench.ours' -c 'TRUNCATE bench.plain, bench.ours, bench.statement, bench.jsonb'
    PGDATABASE=guarded run_sql -A -t -F ' ' -c "SELECT one[1], one[2], peer[1], peer[2] FROM bench.one_row_us('{plain,ours}') one, bench.one_row_us('{statement,jsonb}') peer"
  done >"$WORK/one_row"
  awk -v p="$(awk '{print $1}' "$WORK/one_row" | median)" -v a="$(awk '{print $2}' "$WORK/one_row" | median)" \
    -v added="$(awk '{print $2 - $1}' "$WORK/one_row" | median)" -v s="$(awk '{print $3 - $1}' "$WORK/one_row" | median)" \
    -v j="$(awk '{print $4 - $1}' "$WORK/one_row" | median)" -v what="$1" -v r="$2" 'BEGIN {
    printf "one-row UPDATE in the server%s: %.1f us, audited %.1f, added %.1f (%s); PL/pgSQL statement trigger %.1f, jsonb row trigger %.1f\n", what, p, a, added, r, s, j }'
}

# The heap of the log, page headers and all, by what was written into it.
bench_audit_bytes() {
  local what size
  for what in "INSERT INTO bench.ours SELECT g, g, 'name ' || g, g * 1.5, now(), repeat('x', 40), g, 'some' FROM generate_series(1, 100000) g@a full image of a row of 100 bytes@200" \
    "UPDATE bench.ours SET a = a + 1, d = clock_timestamp()@an update of two columns of eight@90"; do
    size="SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass"
    PGDATABASE=guarded run_sql -A -t <<SQL | awk -v w="${what#*@}" '{split(w, part, "@"); printf "%-58s %9.1f bytes an event (must be <= %s)\n", part[1], $1, part[2]}'
SELECT ($size) AS before \gset
${what%%@*};
SELECT (($size) - :before) / 100000.0;
SQL
  done
}

# Anonymous memory of the session at its highest while it runs the statement, in MB.
peak_mb() {
  local session pid peak=0 now
  PGDATABASE=guarded PGAPPNAME=peak run_sql -c "INSERT INTO bench.$1 (id, a) SELECT g, g FROM generate_series(1, $AUDIT_ROWS) g" &
  session=$!
  while kill -0 $session 2>/dev/null; do
    pid=$(PGDATABASE=plain run_sql -A -t -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'peak'")
    now=$(awk '/^RssAnon/ {print int($2 / 1024)}' "/proc/${pid:-0}/status" 2>/dev/null || true)
    ((${now:-0} <= peak)) || peak=$now
    sleep 0.3
  done
  wait $session
  echo "$peak"
}

bench_audit_memory() {
  ((AUDIT_ROWS)) || return 0
  local plain ours
  PGDATABASE=guarded run_sql -c 'DELETE FROM bench.ours' -c 'TRUNCATE bench.plain, bench.ours'
  plain=$(peak_mb plain)
  ours=$(peak_mb ours)
  printf 'memory of an INSERT of %d rows: %d MB, audited %d MB, added %d MB (must be <= 64)\n' "$AUDIT_ROWS" "$plain" "$ours" $((ours - plain))
}

# Once an event, since these read what the turns above have written.
bench_audit_seals() {
  local events
  events=$(PGDATABASE=guarded run_sql -A -t -c 'VACUUM ANALYZE db_guard.audit_event, db_guard.audit_transaction' \
    -c 'SELECT count(*) FROM db_guard.audit_event')
  awk -v n="$events" -v s="$(statement_ms 'SELECT db_guard.seal_audit()')" -v v="$(statement_ms 'SELECT * FROM db_guard.verify_audit()')" 'BEGIN {
    printf "%d events: sealed at %.0f, verified at %.0f thousand a second (aim: 400)\n", n, n / s, n / v }'
}

# Each turn takes a fresh table and an empty log, so that what is read is the table's.
fold_turn() {
  statement_ms 'TRUNCATE db_guard.audit_event' >/dev/null
  PGDATABASE=guarded run_sql -A -t -F ' ' <<'SQL' | tail -n 1
SET db_guard.mode = off;
DROP TABLE IF EXISTS bench.folded;
CREATE TABLE bench.folded (LIKE bench.plain INCLUDING ALL);
SELECT db_guard.enable_audit('bench.folded');
INSERT INTO bench.folded SELECT g, g, 'name ' || g, g * 1.5, now(), repeat('x', 40), g, 'some' FROM generate_series(1, 100000) g;
UPDATE bench.folded SET a = a + 1;
SELECT max(table_id) AS id FROM db_guard.audit_event \gset
SELECT bench.milliseconds('SELECT * FROM db_guard.audit_as_of(NULL::bench.folded, now())'),
  bench.milliseconds(format('SELECT audit_id, payload FROM db_guard.audit_event WHERE table_id = %s ORDER BY payload, audit_id', :id));
SQL
}

# revert_turn: milliseconds of taking back an UPDATE of 10,000 rows, and of the UPDATE that does the same by hand.
revert_turn() {
  PGDATABASE=guarded run_sql -A -t -F ' ' <<'SQL' | tail -n 1
CREATE TEMP TABLE before AS SELECT id, a, e FROM bench.folded WHERE id <= 10000;
BEGIN;
UPDATE bench.folded SET a = -a, e = 'changed' WHERE id <= 10000;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT bench.milliseconds(format('SELECT db_guard.revert_transaction(%L)', :'txid')) AS reverted \gset
UPDATE bench.folded SET a = -a, e = 'changed' WHERE id <= 10000;
SELECT :reverted, bench.milliseconds('UPDATE bench.folded f SET a = b.a, e = b.e FROM pg_temp.before b WHERE b.id = f.id');
SQL
}

bench_audit_reading() {
  local run
  for ((run = 0; run < RUNS; run++)); do fold_turn; done |
    pairs_line 'audit_as_of of 100,000 rows, against a sort of its log' ms 'aim: <= 2'
  for ((run = 0; run < RUNS; run++)); do revert_turn; done |
    pairs_line 'revert_transaction of 10,000 rows, against the UPDATE' ms 'aim: <= 1.5'
}

bench_audit() {
  export PGOPTIONS='-c synchronous_commit=off -c jit=off -c client_min_messages=error'
  setup_audit >/dev/null
  TABLE_LOG=
  ! setup_table_log >/dev/null || TABLE_LOG=1
  bench_audit_bytes
  PGDATABASE=guarded run_sql -c 'DELETE FROM bench.ours'
  bench_audit_bulk
  bench_audit_one_row '' 'must be <= 6'
  bench_audit_seals
  bench_audit_reading
  bench_audit_memory
  setup_audit >/dev/null
  bench_audit_indexed
  unset PGOPTIONS
}
