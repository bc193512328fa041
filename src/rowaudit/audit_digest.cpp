// Digests of parts of the log, for seal_audit and verify_audit: each over whole transactions that
// are over, a stretch of transaction numbers of one cluster.
#include "rowaudit/audit_sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/xid8.h"

PGDLLEXPORT Datum db_guard_audit_digest(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_digest);
PGDLLEXPORT Datum db_guard_audit_digests(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_digests);
}

namespace db_guard::rowaudit {

namespace {

constexpr long kRowsAtOnce = 1000;
constexpr int kResults = 4;

struct Digest {
  pg_cryptohash_ctx* context;
  int64 events;
  int64 first_id;
  int64 last_id;
};

void add(Digest& digest, const void* data, Size length) {
  if (pg_cryptohash_update(digest.context, static_cast<const uint8*>(data), length) < 0) {
    elog(ERROR, "cannot compute a SHA-256 digest");
  }
}

// In network order, so that it does not depend on the machine.
void add_number(Digest& digest, int64 number) {
  const uint64 bytes = pg_hton64(uint64(number));
  add(digest, &bytes, sizeof(bytes));
}

// The length before the contents: where one ends and the next begins is part of what is sealed.
void add_bytes(Digest& digest, Datum value) {
  varlena* bytes = PG_DETOAST_DATUM_PACKED(value);
  add_number(digest, int64(VARSIZE_ANY_EXHDR(bytes)));
  add(digest, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
  if (PointerGetDatum(bytes) != value) pfree(bytes);
}

void add_event(Digest& digest, HeapTuple row, TupleDesc desc) {
  bool is_null = false;
  const int64 id = DatumGetInt64(SPI_getbinval(row, desc, 1, &is_null));
  add_number(digest, id);
  add_number(digest, DatumGetInt64(SPI_getbinval(row, desc, 2, &is_null)));
  add_number(digest, DatumGetInt32(SPI_getbinval(row, desc, 3, &is_null)));
  add_number(digest, DatumGetChar(SPI_getbinval(row, desc, 4, &is_null)));
  add_bytes(digest, SPI_getbinval(row, desc, 5, &is_null));
  if (digest.events++ == 0) digest.first_id = id;
  digest.last_id = id;
}

void add_transaction(Digest& digest, HeapTuple row, TupleDesc desc) {
  bool is_null = false;
  add_bytes(digest, SPI_getbinval(row, desc, 1, &is_null));
}

template <class Add>
void add_rows(Digest& digest, const char* sql, const Arguments& arguments, Add&& add_row) {
  Portal portal = SPI_cursor_open_with_args(
      nullptr, sql, arguments.count, const_cast<Oid*>(arguments.types),
      const_cast<Datum*>(arguments.values), nullptr, true, CURSOR_OPT_NO_SCROLL);
  uint64 rows = 0;
  do {
    CHECK_FOR_INTERRUPTS();
    SPI_cursor_fetch(portal, true, kRowsAtOnce);
    rows = SPI_processed;
    for (uint64 i = 0; i < rows; i++) {
      add_row(digest, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
    }
    SPI_freetuptable(SPI_tuptable);
  } while (rows == uint64(kRowsAtOnce));
  SPI_cursor_close(portal);
}

Digest begin_digest(Datum previous) {
  Digest digest{};
  digest.context = pg_cryptohash_create(PG_SHA256);
  if (pg_cryptohash_init(digest.context) < 0) elog(ERROR, "cannot compute a SHA-256 digest");
  add_bytes(digest, previous);
  return digest;
}

Datum end_digest(Digest& digest) {
  auto* result = static_cast<bytea*>(palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH));
  SET_VARSIZE(result, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
  if (pg_cryptohash_final(digest.context, reinterpret_cast<uint8*>(VARDATA(result)),
                          PG_SHA256_DIGEST_LENGTH) < 0) {
    elog(ERROR, "cannot compute a SHA-256 digest");
  }
  pg_cryptohash_free(digest.context);
  return PointerGetDatum(result);
}

// --- one ----------------------------------------------------------------------------------------

// No event of these transactions has a lower number, so that older partitions are not read.
Datum first_number(const Arguments& stretch) {
  (void)run_sql_with("SELECT coalesce(min(t.id), $3) FROM db_guard.audit_transaction t "
                     "WHERE t.txid >= $1 AND t.txid < $2 AND t.id >= $3 AND t.id < $4",
                     stretch);
  bool is_null = false;
  return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
}

void add_stretch(Digest& digest, const Datum* range) {
  const Oid types[] = {XID8OID, XID8OID, INT8OID, INT8OID, INT8OID};
  const Arguments stretch{4, types, range, nullptr};
  add_rows(digest,
           "SELECT t::text FROM db_guard.audit_transaction t "
           "WHERE t.txid >= $1 AND t.txid < $2 AND t.id >= $3 AND t.id < $4 ORDER BY t.id",
           stretch, add_transaction);
  const Datum values[] = {range[0], range[1], range[2], range[3], first_number(stretch)};
  add_rows(digest,
           "SELECT e.audit_id, e.transaction, e.table_id, e.op, e.payload "
           "FROM db_guard.audit_event e JOIN db_guard.audit_transaction t ON t.id = e.transaction "
           "WHERE t.txid >= $1 AND t.txid < $2 AND t.id >= $3 AND t.id < $4 AND e.audit_id >= $5 "
           "ORDER BY e.audit_id",
           {5, types, values, nullptr}, add_event);
}

// --- all, in one pass over the log --------------------------------------------------------------

struct Stretch {
  int64 seal_id;
  uint64 from_txid;
  uint64 to_txid;
  int64 since_id;
  int64 until_id;
  Digest digest;
};

struct Stretches {
  Stretch* stretch;
  int64 count;
};

constexpr const char* kSeals =
    "SELECT s.seal_id, s.from_txid, s.to_txid, s.since_id, "
    "coalesce((SELECT min(o.since_id) FROM db_guard.audit_origin o WHERE o.since_id > s.since_id), "
    "9223372036854775807), s.previous FROM db_guard.audit_seal s ORDER BY s.since_id, s.from_txid";

Stretches read_seals(MemoryContext memory) {
  const uint64 rows = run_sql_with(kSeals, {0, nullptr, nullptr, nullptr});
  const MemoryContext before = MemoryContextSwitchTo(memory);
  auto* all = static_cast<Stretch*>(MemoryContextAllocHuge(memory, sizeof(Stretch) * (rows + 1)));
  for (uint64 i = 0; i < rows; i++) {
    HeapTuple row = SPI_tuptable->vals[i];
    TupleDesc desc = SPI_tuptable->tupdesc;
    bool is_null = false;
    all[i].seal_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &is_null));
    all[i].from_txid =
        U64FromFullTransactionId(DatumGetFullTransactionId(SPI_getbinval(row, desc, 2, &is_null)));
    all[i].to_txid =
        U64FromFullTransactionId(DatumGetFullTransactionId(SPI_getbinval(row, desc, 3, &is_null)));
    all[i].since_id = DatumGetInt64(SPI_getbinval(row, desc, 4, &is_null));
    all[i].until_id = DatumGetInt64(SPI_getbinval(row, desc, 5, &is_null));
    all[i].digest = begin_digest(SPI_getbinval(row, desc, 6, &is_null));
  }
  MemoryContextSwitchTo(before);
  return {all, int64(rows)};
}

bool begins_behind(const Stretch& stretch, uint64 txid, int64 id) {
  return stretch.since_id > id || (stretch.until_id > id && stretch.from_txid > txid);
}

// Null where the transaction is not sealed. Seals follow one another; where somebody has made them
// overlap, one of them gets the row and the other is found to be changed.
Stretch* stretch_of(const Stretches& all, uint64 txid, int64 id) {
  int64 low = 0;
  int64 high = all.count;
  while (low < high) {
    const int64 middle = low + (high - low) / 2;
    if (begins_behind(all.stretch[middle], txid, id)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (low == 0) return nullptr;
  Stretch* found = &all.stretch[low - 1];
  const bool covers = id >= found->since_id && id < found->until_id && txid >= found->from_txid &&
                      txid < found->to_txid;
  return covers ? found : nullptr;
}

// The columns are where the query has them.
Stretch* stretch_of_row(const Stretches& all, HeapTuple row, TupleDesc desc, int txid, int id) {
  bool is_null = false;
  const Datum number = SPI_getbinval(row, desc, txid, &is_null);
  return stretch_of(all, U64FromFullTransactionId(DatumGetFullTransactionId(number)),
                    DatumGetInt64(SPI_getbinval(row, desc, id, &is_null)));
}

void add_all(const Stretches& all) {
  const Arguments none{0, nullptr, nullptr, nullptr};
  Digest unused{};
  add_rows(unused, "SELECT t::text, t.txid, t.id FROM db_guard.audit_transaction t ORDER BY t.id",
           none, [&](Digest&, HeapTuple row, TupleDesc desc) {
             Stretch* stretch = stretch_of_row(all, row, desc, 2, 3);
             if (stretch != nullptr) add_transaction(stretch->digest, row, desc);
           });
  add_rows(unused,
           "SELECT e.audit_id, e.transaction, e.table_id, e.op, e.payload, t.txid, t.id "
           "FROM db_guard.audit_event e JOIN db_guard.audit_transaction t ON t.id = e.transaction "
           "ORDER BY e.audit_id",
           none, [&](Digest&, HeapTuple row, TupleDesc desc) {
             Stretch* stretch = stretch_of_row(all, row, desc, 6, 7);
             bool is_null = false;
             const int64 id = DatumGetInt64(SPI_getbinval(row, desc, 1, &is_null));
             if (stretch != nullptr && id >= stretch->since_id) {
               add_event(stretch->digest, row, desc);
             }
           });
}

void put_digests(const Stretches& all, const ReturnSetInfo* info) {
  for (int64 i = 0; i < all.count; i++) {
    Stretch& stretch = all.stretch[i];
    const Datum values[] = {Int64GetDatum(stretch.seal_id), end_digest(stretch.digest),
                            Int64GetDatum(stretch.digest.events)};
    const bool nulls[] = {false, false, false};
    tuplestore_putvalues(info->setResult, info->setDesc, const_cast<Datum*>(values),
                         const_cast<bool*>(nulls));
  }
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_audit_digest(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  TupleDesc desc = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &desc) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "db_guard.audit_digest returns a row");
  }
  Digest digest = begin_digest(PG_GETARG_DATUM(0));
  const Datum range[] = {PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), PG_GETARG_DATUM(3),
                         PG_GETARG_DATUM(4)};
  as_log_owner([&] { without_nested_loops([&] { add_stretch(digest, range); }); });
  const bool none = digest.events == 0;
  Datum values[kResults] = {end_digest(digest), Int64GetDatum(digest.events),
                            Int64GetDatum(digest.first_id), Int64GetDatum(digest.last_id)};
  bool nulls[kResults] = {false, false, none, none};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum db_guard_audit_digests(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  InitMaterializedSRF(fcinfo, 0);
  const auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const MemoryContext memory = CurrentMemoryContext;
  as_log_owner([&] {
    const Stretches all = read_seals(memory);
    if (all.count == 0) return;
    without_nested_loops([&] { add_all(all); });
    put_digests(all, info);
  });
  PG_RETURN_NULL();
}
