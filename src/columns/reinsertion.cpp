#include "columns/reinsertion.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
}

namespace db_guard::columns {

namespace {

struct PlanKey {
  Oid relation;
  Oid slot;
};

struct KeptPlan {
  PlanKey key;
  char* sql;
  SPIPlanPtr plan;
};

HTAB* plans = nullptr;
Oid reinserting = InvalidOid;

HTAB* make_plan_table() {
  HASHCTL control{};
  control.keysize = sizeof(PlanKey);
  control.entrysize = sizeof(KeptPlan);
  return hash_create("db_guard column plans", 16, &control, HASH_ELEM | HASH_BLOBS);
}

bool is_stored(Form_pg_attribute attribute) {
  return !attribute->attisdropped && attribute->attgenerated == '\0';
}

void append_columns(StringInfo sql, TupleDesc shape, Reinsertion& made) {
  for (int i = 0; i < shape->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(shape, i);
    if (!is_stored(attribute)) continue;
    appendStringInfo(sql, "%s%s", made.columns > 0 ? ", " : "",
                     quote_identifier(NameStr(attribute->attname)));
    made.numbers[made.columns] = i + 1;
    made.types[made.columns++] = attribute->atttypid;
  }
}

void fill_values(const TriggerData& data, const Reinsertion& statement, int marked, Datum mark,
                 Datum* values, char* nulls) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  for (int i = 0; i < statement.columns; i++) {
    bool is_null = false;
    values[i] = heap_getattr(data.tg_trigtuple, statement.numbers[i], shape, &is_null);
    if (statement.numbers[i] == marked) {
      values[i] = mark;
      is_null = false;
    }
    nulls[i] = is_null ? 'n' : ' ';
  }
}

void run(Oid relation, const Reinsertion& statement, const Datum* values, const char* nulls) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  SPIPlanPtr plan =
      kept_plan(relation, InvalidOid, statement.sql, statement.columns, statement.types);
  int code = 0;
  PG_TRY();
  {
    reinserting = relation;
    code = SPI_execute_snapshot(plan, const_cast<Datum*>(values), nulls, InvalidSnapshot,
                                InvalidSnapshot, false, false, 0);
  }
  PG_FINALLY();
  { reinserting = InvalidOid; }
  PG_END_TRY();
  if (code != SPI_OK_INSERT) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
  SPI_finish();
}

void reinsert_by_statement(const TriggerData& data, const Reinsertion& statement, int marked,
                           Datum value) {
  const auto count = static_cast<Size>(statement.columns);
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * count));
  auto* nulls = static_cast<char*>(palloc(count + 1));
  fill_values(data, statement, marked, value, values, nulls);
  run(RelationGetRelid(data.tg_relation), statement, values, nulls);
}

Reinsertion make_statement(Relation table) {
  const TupleDesc shape = RelationGetDescr(table);
  Reinsertion made{};
  made.needs_statement = true;
  made.numbers = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(shape->natts)));
  made.types = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(shape->natts)));
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "INSERT INTO %s (",
                   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                              RelationGetRelationName(table)));
  append_columns(&sql, shape, made);
  // An identity column that is GENERATED ALWAYS keeps its value, too.
  appendStringInfoString(&sql, ") OVERRIDING SYSTEM VALUE VALUES (");
  for (int i = 0; i < made.columns; i++) appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
  appendStringInfoChar(&sql, ')');
  made.sql = sql.data;
  return made;
}

}  // namespace

SPIPlanPtr kept_plan(Oid relation, Oid slot, const char* sql, int parameters, Oid* types) {
  if (plans == nullptr) plans = make_plan_table();
  const PlanKey key{relation, slot};
  bool found = false;
  auto* kept = static_cast<KeptPlan*>(hash_search(plans, &key, HASH_ENTER, &found));
  if (!found) {
    kept->sql = nullptr;
    kept->plan = nullptr;
  }
  if (kept->plan != nullptr && strcmp(kept->sql, sql) == 0) return kept->plan;
  SPIPlanPtr plan = SPI_prepare(sql, parameters, types);
  if (plan == nullptr) elog(ERROR, "SPI failed: %s", SPI_result_code_string(SPI_result));
  char* text = MemoryContextStrdup(TopMemoryContext, sql);
  SPI_keepplan(plan);
  if (kept->plan != nullptr) {
    SPI_freeplan(kept->plan);
    pfree(kept->sql);
  }
  kept->plan = plan;
  kept->sql = text;
  return plan;
}

Reinsertion make_reinsertion(Relation table, MemoryContext memory) {
  const MemoryContext before = MemoryContextSwitchTo(memory);
  Reinsertion made{};
  if (takes_single_rows(table)) {
    made.insertion = make_row_insertion(table);
  } else {
    made = make_statement(table);
  }
  MemoryContextSwitchTo(before);
  return made;
}

void reinsert(const TriggerData& data, const Reinsertion& reinsertion, int marked, Datum value) {
  Oid user = InvalidOid;
  int security = 0;
  GetUserIdAndSecContext(&user, &security);
  SetUserIdAndSecContext(data.tg_relation->rd_rel->relowner,
                         security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
  // An error resets both with the transaction or subtransaction.
  if (reinsertion.needs_statement) {
    reinsert_by_statement(data, reinsertion, marked, value);
  } else {
    insert_row(data, reinsertion.insertion, marked, value);
  }
  SetUserIdAndSecContext(user, security);
}

bool takes_reinsertion(Oid relation) noexcept {
  if (!OidIsValid(reinserting) || reinserting != relation) return false;
  reinserting = InvalidOid;
  return true;
}

}  // namespace db_guard::columns
