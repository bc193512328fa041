// db_guard.trace_sql: what each statement of a script does, observed.
//
// A statement runs in a subtransaction; what it has locked, rewritten and read is taken down; it is
// rolled back, so that the rows speak of relations as they were; and where more statements follow,
// it runs once more for them. Everything is rolled back in the end.
#include "core/text.hpp"
#include "lint/effect_rows.hpp"
#include "lint/observer.hpp"
#include "lint/script.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "access/genam.h"
#include "access/table.h"

PG_FUNCTION_INFO_V1(db_guard_trace_sql);
}

namespace db_guard::lint {

namespace {

using core::Text;
using effects::Prediction;
using effects::RelationEffect;

// One relation that the statement has locked, as it is after the statement.
struct Touched {
  LockHeld held;
  Oid file;
  bool read;  // scanned
  const char* name;
  char kind;
};

// A foreign key whose name the server has said, of one of the tables that are locked.
struct CheckedKey {
  Oid table;
  Oid constraint;
};

struct Trace {
  List* touched;  // Touched*
  List* reports;
  List* checked;  // CheckedKey*
  List* joined;   // and of the tables that these refer to
  double milliseconds;
};

bool read_class(Oid relation, Touched& touched) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  touched.file = form->relfilenode;
  touched.kind = form->relkind;
  touched.name = pstrdup(NameStr(form->relname));
  ReleaseSysCache(tuple);
  return true;
}

LOCKMODE lock_in(const List* locks, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, locks) {
    const auto* held = static_cast<const LockHeld*>(lfirst(cell));
    if (held->relation == relation) return held->lock;
  }
  return NoLock;
}

int64 count_in(const List* counts, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, counts) {
    const auto* count = static_cast<const ScanCount*>(lfirst(cell));
    if (count->relation == relation) return count->scans;
  }
  return 0;
}

// The tables with a foreign key of that name, among those that are locked.
void add_checked(Trace& trace, const char* constraint, const List* locks) {
  ::Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ListCell* cell = nullptr;
  foreach (cell, locks) {
    const Oid table = static_cast<const LockHeld*>(lfirst(cell))->relation;
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(table));
    SysScanDesc scan =
        systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &key);
    for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
         tuple = systable_getnext(scan)) {
      const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
      if (form->contype != CONSTRAINT_FOREIGN) continue;
      if (strcmp(NameStr(form->conname), constraint) != 0) continue;
      // Partitioned tables have no rows of their own to check.
      if (get_rel_relkind(table) != RELKIND_RELATION) continue;
      auto* key = static_cast<CheckedKey*>(palloc(sizeof(CheckedKey)));
      *key = {table, form->oid};
      trace.checked = lappend(trace.checked, key);
      // Whether the join reads them or their indexes is the planner's choice of the day.
      trace.joined = list_concat_unique_oid(trace.joined, effects::family_of(form->confrelid));
    }
    systable_endscan(scan);
  }
  table_close(constraints, AccessShareLock);
}

void run_text(const char* sql) {
  SPI_connect();
  // The rows of a query are of no interest, and may be many.
  SPIExecuteOptions options{};
  options.dest = CreateDestReceiver(DestNone);
  const int result = SPI_execute_extended(sql, &options);
  if (result < 0) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot run this statement inside a function: %s",
                           SPI_result_code_string(result))));
  }
  SPI_finish();
}

// Locks that were there before (the caller's own, and those of earlier statements) count only where
// they have become stronger.
void look_around(Trace& trace, const List* locks_before, const List* counts_before) {
  List* locks = relation_locks();
  ListCell* cell = nullptr;
  foreach (cell, locks) {
    const auto* held = static_cast<const LockHeld*>(lfirst(cell));
    Touched touched{};
    touched.held = *held;
    (void)read_class(held->relation, touched);
    touched.read = scans_of(held->relation) > count_in(counts_before, held->relation);
    if (held->lock <= lock_in(locks_before, held->relation) && !touched.read) continue;
    auto* copy = static_cast<Touched*>(palloc(sizeof(Touched)));
    *copy = touched;
    trace.touched = lappend(trace.touched, copy);
  }
  foreach (cell, trace.reports) {
    const auto* report = static_cast<const Report*>(lfirst(cell));
    if (report->kind == ReportKind::kFkCheck) add_checked(trace, report->name, locks);
  }
  foreach (cell, trace.touched) {
    auto* touched = static_cast<Touched*>(lfirst(cell));
    if (list_member_oid(trace.joined, touched->held.relation)) touched->read = false;
  }
}

void run_and_look(const char* sql, Trace& trace) {
  const Observation before = begin_observing();
  const List* locks_before = relation_locks();
  const List* counts_before = scan_counts();
  instr_time start;
  instr_time duration;
  INSTR_TIME_SET_CURRENT(start);
  run_text(sql);
  INSTR_TIME_SET_CURRENT(duration);
  INSTR_TIME_SUBTRACT(duration, start);
  trace.milliseconds = INSTR_TIME_GET_MILLISEC(duration);
  trace.reports = end_observing(before).reports;
  CommandCounterIncrement();
  look_around(trace, locks_before, counts_before);
}

bool any_index_built(const Trace& trace) {
  ListCell* cell = nullptr;
  foreach (cell, trace.reports) {
    if (static_cast<const Report*>(lfirst(cell))->kind == ReportKind::kIndexBuild) return true;
  }
  return false;
}

void apply_report(const Report& report, RelationEffect& effect) {
  switch (report.kind) {
    case ReportKind::kRewrite:
      effect.rewrite = true;
      break;
    case ReportKind::kVerify:
      effect.scan = true;
      break;
    case ReportKind::kIndexBuild:
      effect.index_build = true;
      break;
    case ReportKind::kProof:
      effect.proof = report.text;
      break;
    case ReportKind::kFkCheck:
      break;
  }
}

// A new file means a rewrite, except of an index that was built anew, and of what TRUNCATE empties.
bool is_rewritten(const Trace& trace, const Touched& after, const Touched& before,
                  const Node* tree) {
  if (after.file == before.file || IsA(tree, TruncateStmt)) return false;
  return before.kind != RELKIND_INDEX || !any_index_built(trace);
}

// Called after the rollback: a key that is valid now was not the one.
bool is_checked(const Trace& trace, Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, trace.checked) {
    const auto* key = static_cast<const CheckedKey*>(lfirst(cell));
    if (key->table != table) continue;
    HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(key->constraint));
    if (!HeapTupleIsValid(tuple)) return true;
    const bool valid = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->convalidated;
    ReleaseSysCache(tuple);
    if (!valid) return true;
  }
  return false;
}

// Called after the rollback. Reports name tables without their schema: where the statement has made
// one of that name, it is the new one that they speak of.
bool is_about_a_new_one(const Trace& trace, const Report& report) {
  if (report.kind != ReportKind::kIndexBuild) return false;
  ListCell* cell = nullptr;
  foreach (cell, trace.touched) {
    const auto* touched = static_cast<const Touched*>(lfirst(cell));
    if (touched->name == nullptr || strcmp(touched->name, report.name) != 0) continue;
    if (get_rel_relkind(touched->held.relation) == '\0') return true;
  }
  return false;
}

// Called after the rollback: the relation is what it was before the statement.
void conclude(const Trace& trace, const Touched& after, const Node* tree, Prediction& result) {
  Touched before{};
  if (!read_class(after.held.relation, before)) return;
  RelationEffect& effect = *effects::add_lock(result, after.held.relation, after.held.lock);
  const bool has_rows = before.kind == RELKIND_RELATION || before.kind == RELKIND_MATVIEW;
  ListCell* cell = nullptr;
  foreach (cell, trace.reports) {
    const auto* report = static_cast<const Report*>(lfirst(cell));
    // The statement may have renamed it: both names are tried.
    const bool same = report->name != nullptr && !is_about_a_new_one(trace, *report) &&
                      (strcmp(report->name, before.name) == 0 ||
                       (after.name != nullptr && strcmp(report->name, after.name) == 0));
    if (same && (has_rows || before.kind == RELKIND_PARTITIONED_TABLE))
      apply_report(*report, effect);
  }
  if (after.name != nullptr && is_rewritten(trace, after, before, tree)) effect.rewrite = true;
  effect.fk_check = is_checked(trace, after.held.relation);
  if (after.read && has_rows && !effect.rewrite && !effect.index_build && !effect.fk_check) {
    effect.scan = true;
  }
}

void put_unknown(const RowSource& source, const char* text) {
  RowSource own = source;
  own.certainty = kUnknown;
  pg::call([&] { put_no_relation(own, text); });
}

bool cannot_run_in_a_transaction(const pg::PgError& error) {
  return error.sqlstate() == ERRCODE_ACTIVE_SQL_TRANSACTION ||
         error.sqlstate() == ERRCODE_FEATURE_NOT_SUPPORTED;
}

// Ends an observation that an error has cut short.
class ObservationGuard {
 public:
  ObservationGuard() : before_(observation()) {}
  ObservationGuard(const ObservationGuard&) = delete;
  ObservationGuard& operator=(const ObservationGuard&) = delete;
  ~ObservationGuard() { end_observing(before_); }

 private:
  Observation before_;
};

void put_failure(const RowSource& source, const pg::PgError& error) {
  const std::string_view what =
      cannot_run_in_a_transaction(error) ? "it cannot be traced: " : "the server refuses it: ";
  const Text text = core::concat({what, error.what()});
  put_unknown(source, text.c_str());
}

// What the statement does, once and rolled back. False where it failed.
bool trace_statement(RowSource source) {
  const ScriptStatement& statement = *source.statement;
  const ObservationGuard guard;
  Trace trace{};
  try {
    pg::rolled_back([&] { pg::call([&] { run_and_look(statement.text, trace); }); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    put_failure(source, error);
    return false;
  }
  source.milliseconds = trace.milliseconds;
  pg::call([&] {
    Prediction result{};
    ListCell* cell = nullptr;
    foreach (cell, trace.touched) {
      conclude(trace, *static_cast<const Touched*>(lfirst(cell)), statement.tree, result);
    }
    put_prediction(source, result);
  });
  return true;
}

// The same once more, for the statements that follow.
void run_for_the_next(const char* sql) {
  const ObservationGuard guard;
  pg::call([&] {
    const Observation before = begin_observing();
    run_text(sql);
    CommandCounterIncrement();
    end_observing(before);
  });
}

bool is_transaction_control(const Node* tree) { return IsA(tree, TransactionStmt); }

void trace_script(const core::Vector<ScriptStatement>& script, ReturnSetInfo* result) {
  bool failed = false;
  for (const ScriptStatement& statement : script) {
    pg::check_for_interrupts();
    const RowSource source{result, &statement, kExact, -1, nullptr};
    if (statement.tree == nullptr) {
      put_unknown(source, located_problem(statement));
    } else if (is_transaction_control(statement.tree)) {
      pg::call([&] { put_no_relation(source, nullptr); });
    } else if (failed) {
      put_unknown(source, "not run: an earlier statement of the script failed");
    } else if (!trace_statement(source)) {
      failed = true;
    } else if (&statement != &script.back()) {
      run_for_the_next(statement.text);
    }
  }
}

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_trace_sql(PG_FUNCTION_ARGS) {
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] {
    const core::Vector<lint::ScriptStatement> script = lint::parse_script(sql);
    pg::rolled_back([&] { lint::trace_script(script, result); });
  });
  PG_RETURN_NULL();
}
