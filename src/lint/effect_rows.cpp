#include "lint/effect_rows.hpp"

#include "ddl/catalog_facts.hpp"
#include "ddl/lock.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"
}

namespace db_guard::lint {

namespace {

// In the order of lint/lint.sql.
enum Column {
  kStatement,
  kCommand,
  kRelation,
  kLockMode,
  kRewrite,
  kScan,
  kIndexBuild,
  kFkCheck,
  kProof,
  kRows,
  kBytes,
  kBlocksReads,
  kBlocksWrites,
  kBlockedBy,
  kCertainty,
  kLine,
  kMilliseconds,
  kColumns
};

struct OutputRow {
  Datum values[kColumns];
  bool nulls[kColumns];

  void set(Column column, Datum value) {
    values[column] = value;
    nulls[column] = false;
  }
  void set_text(Column column, const char* text) {
    if (text != nullptr) set(column, CStringGetTextDatum(text));
  }
};

OutputRow row_of(const RowSource& source) {
  OutputRow row{};
  std::fill(std::begin(row.nulls), std::end(row.nulls), true);
  const ScriptStatement& statement = *source.statement;
  row.set(kStatement, Int32GetDatum(statement.number));
  row.set(kLine, Int32GetDatum(statement.line));
  if (statement.tree != nullptr) row.set_text(kCommand, CreateCommandName(statement.tree));
  row.set_text(kCertainty, source.certainty);
  if (source.milliseconds >= 0) row.set(kMilliseconds, Float8GetDatum(source.milliseconds));
  return row;
}

// Everybody else who holds or awaits what stands against the lock; a prepared transaction is 0, as
// in pg_blocking_pids().
Datum sessions_in_the_way(Oid relation, LOCKMODE lock) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  int count = 0;
  const VirtualTransactionId* transactions = GetLockConflicts(&tag, lock, &count);
  auto* pids = static_cast<Datum*>(palloc(sizeof(Datum) * Max(count, 1)));
  int kept = 0;
  for (int i = 0; i < count; i++) {
    const int pid = pg::pid_of(transactions[i]);
    if (pid == 0 && !pg::is_prepared(transactions[i])) continue;
    pids[kept++] = Int32GetDatum(pid);
  }
  return PointerGetDatum(construct_array(pids, kept, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

void put(const RowSource& source, OutputRow& row) {
  tuplestore_putvalues(source.result->setResult, source.result->setDesc, row.values, row.nulls);
}

}  // namespace

void put_effect(const RowSource& source, const effects::RelationEffect& effect) {
  OutputRow row = row_of(source);
  const Oid id = effect.relation;
  const auto lock = static_cast<ddl::Lock>(effect.lock);
  double rows = -1;
  const std::uint64_t bytes = ddl::bytes_of(id, &rows);
  row.set_text(kRelation, DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(id))));
  row.set_text(kLockMode, ddl::lock_mode(lock).data());
  row.set(kRewrite, BoolGetDatum(effect.rewrite));
  row.set(kScan, BoolGetDatum(effect.scan));
  row.set(kIndexBuild, BoolGetDatum(effect.index_build));
  row.set(kFkCheck, BoolGetDatum(effect.fk_check));
  row.set_text(kProof, effect.proof);
  if (rows >= 0) row.set(kRows, Int64GetDatum(int64(rows)));
  row.set(kBytes, Int64GetDatum(int64(bytes)));
  row.set(kBlocksReads, BoolGetDatum(ddl::blocks_reads(lock)));
  row.set(kBlocksWrites, BoolGetDatum(ddl::blocks_writes(lock)));
  const double guess =
      source.rates != nullptr ? estimate(*source.rates, effect, double(bytes)) : -1;
  if (guess >= 0) row.set(kMilliseconds, Float8GetDatum(guess));
  row.set(kBlockedBy, sessions_in_the_way(id, effect.lock));
  put(source, row);
}

void put_no_relation(const RowSource& source, const char* text) {
  OutputRow row = row_of(source);
  row.set_text(kProof, text);
  put(source, row);
}

void put_refusal(const RowSource& source, const char* message) {
  put_no_relation(source, psprintf("the server will refuse it: %s", message));
}

void put_prediction(const RowSource& source, const effects::Prediction& prediction) {
  RowSource own = source;
  if (prediction.unknown != nullptr) {
    own.certainty = kUnknown;
    put_no_relation(own, prediction.unknown);
    return;
  }
  if (prediction.refused != nullptr) {
    put_refusal(own, prediction.refused);
    return;
  }
  if (prediction.effects == NIL) {
    put_no_relation(own, nullptr);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, prediction.effects) {
    put_effect(own, *static_cast<const effects::RelationEffect*>(lfirst(cell)));
  }
}

}  // namespace db_guard::lint
