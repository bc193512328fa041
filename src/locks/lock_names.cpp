#include "locks/lock_names.hpp"

#include "core/name_hash.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace db_guard::locks {

namespace {

enum Column : int { kKey = 1, kName, kCreatedAt };
constexpr int kColumns = 3;

// What is settled stays so: keys are never given to another name.
struct Known {
  std::uint64_t hash;
  std::int64_t key;
  int length;
  const char* name;
};

HTAB* known_names = nullptr;

HTAB* known() {
  if (known_names != nullptr) return known_names;
  HASHCTL control{};
  control.keysize = sizeof(std::uint64_t);
  control.entrysize = sizeof(Known);
  control.hcxt = TopMemoryContext;
  known_names =
      hash_create("db_guard lock names", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  return known_names;
}

// A session that goes through millions of names must not keep them all.
constexpr long kMostKnown = 4096;

void remember(std::uint64_t hash, const char* name, int length, std::int64_t key) {
  if (hash_get_num_entries(known()) >= kMostKnown) return;
  char* copy = static_cast<char*>(MemoryContextAlloc(TopMemoryContext, Size(length)));
  memcpy(copy, name, Size(length));
  bool found = false;
  auto* entry = static_cast<Known*>(hash_search(known(), &hash, HASH_ENTER, &found));
  if (found) {
    pfree(copy);
    return;
  }
  entry->key = key;
  entry->length = length;
  entry->name = copy;
}

const Known* recall(std::uint64_t hash, const char* name, int length) {
  if (known_names == nullptr) return nullptr;
  const auto* entry =
      static_cast<const Known*>(hash_search(known_names, &hash, HASH_FIND, nullptr));
  if (entry == nullptr || entry->length != length) return nullptr;
  return memcmp(entry->name, name, Size(length)) == 0 ? entry : nullptr;
}

::Relation open_names(LOCKMODE mode) {
  const Oid table = get_relname_relid("lock_names", get_namespace_oid("db_guard", false));
  if (!OidIsValid(table)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("db_guard.lock_names is missing"),
                    errhint("Create the extension anew.")));
  }
  return table_open(table, mode);
}

// The name that has the key; null for none. The latest that is committed counts, not the
// transaction's snapshot: whoever had the lock before us may have entered it since.
text* name_at(::Relation names, std::int64_t key) {
  ScanKeyData condition;
  ScanKeyInit(&condition, kKey, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
  const Oid index = get_relname_relid("lock_names_pkey", RelationGetNamespace(names));
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(names, index, OidIsValid(index), snapshot, 1, &condition);
  HeapTuple row = systable_getnext(scan);
  text* result = nullptr;
  if (HeapTupleIsValid(row)) {
    bool is_null = false;
    const Datum value = heap_getattr(row, kName, RelationGetDescr(names), &is_null);
    result = DatumGetTextPCopy(value);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  return result;
}

bool same_name(text* stored, const char* name, int length) {
  return int(VARSIZE_ANY_EXHDR(stored)) == length &&
         memcmp(VARDATA_ANY(stored), name, Size(length)) == 0;
}

void insert_name(::Relation names, const char* name, int length, std::int64_t key) {
  Datum values[kColumns] = {Int64GetDatum(key),
                            PointerGetDatum(cstring_to_text_with_len(name, length)),
                            TimestampTzGetDatum(GetCurrentTimestamp())};
  bool nulls[kColumns] = {false, false, false};
  HeapTuple row = heap_form_tuple(RelationGetDescr(names), values, nulls);
  CatalogTupleInsert(names, row);
  heap_freetuple(row);
  CommandCounterIncrement();
}

}  // namespace

LockName find_lock_name(const char* name, int length) {
  const std::uint64_t hash = core::name_hash({name, std::size_t(length)});
  const Known* entry = recall(hash, name, length);
  if (entry != nullptr) return {entry->key, true};
  ::Relation names = open_names(AccessShareLock);
  auto key = static_cast<std::int64_t>(hash);
  bool entered = false;
  // Where another name came first, the next key is tried. Wrapping around is fine.
  for (;; key = static_cast<std::int64_t>(static_cast<std::uint64_t>(key) + 1)) {
    text* stored = name_at(names, key);
    entered = stored != nullptr && same_name(stored, name, length);
    if (stored == nullptr || entered) break;
  }
  table_close(names, AccessShareLock);
  // A row that this transaction may have written itself can still vanish.
  const bool settled = entered && !TransactionIdIsValid(GetTopTransactionIdIfAny());
  if (settled) remember(hash, name, length, key);
  return {key, settled};
}

bool enter_lock_name(const char* name, int length, std::int64_t key) {
  // Where nothing can be written the lock works all the same; its name is just not shown.
  const bool writes = !RecoveryInProgress() && !XactReadOnly;
  ::Relation names = open_names(writes ? RowExclusiveLock : AccessShareLock);
  text* stored = name_at(names, key);
  const bool ours = stored == nullptr || same_name(stored, name, length);
  if (stored == nullptr && writes) insert_name(names, name, length, key);
  table_close(names, NoLock);
  return ours;
}

}  // namespace db_guard::locks
