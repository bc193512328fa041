// Whether the server will skip the scan of SET NOT NULL. Its own test is not exported, so this does
// the same with the functions that are: validated CHECK constraints must imply IS NOT NULL.
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace db_guard::ddl {

namespace {

// In the form that predicate_implied_by compares: simplified, canonical, a list of ANDed parts.
List* parts_of_check(::Relation catalog, HeapTuple tuple) {
  bool is_null = false;
  const Datum value =
      heap_getattr(tuple, Anum_pg_constraint_conbin, RelationGetDescr(catalog), &is_null);
  if (is_null) return NIL;
  auto* expression = static_cast<Node*>(stringToNode(TextDatumGetCString(value)));
  expression = eval_const_expressions(nullptr, expression);
  expression =
      reinterpret_cast<Node*>(canonicalize_qual(reinterpret_cast<Expr*>(expression), true));
  return make_ands_implicit(reinterpret_cast<Expr*>(expression));
}

}  // namespace

NullTest* not_null_test(Oid relation, AttrNumber column) {
  Oid type = InvalidOid;
  int32 modifier = -1;
  Oid collation = InvalidOid;
  get_atttypetypmodcoll(relation, column, &type, &modifier, &collation);
  NullTest* test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr*>(makeVar(1, column, type, modifier, collation, 0));
  test->nulltesttype = IS_NOT_NULL;
  test->argisrow = false;
  test->location = -1;
  return test;
}

namespace {

// The CHECK constraints of the relation, as long as `visit` wants more of them.
template <class Visit>
void visit_checks(Oid relation, Visit&& visit) {
  ::Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(relation));
  SysScanDesc scan =
      systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &key);
  bool wants_more = true;
  HeapTuple tuple = nullptr;
  while (wants_more && HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    if (form->contype == CONSTRAINT_CHECK) wants_more = visit(catalog, tuple, form);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

}  // namespace

// The name of the first constraint that proves it alone, or of all that do it together.
const char* prove_not_null(Oid relation, AttrNumber column, const List* without) {
  List* wanted = list_make1(not_null_test(relation, column));
  List* together = NIL;
  StringInfoData names;
  initStringInfo(&names);
  const char* proof = nullptr;
  visit_checks(relation, [&](::Relation catalog, HeapTuple tuple, Form_pg_constraint form) {
    if (!form->convalidated || list_member_oid(without, form->oid)) return true;
    List* parts = parts_of_check(catalog, tuple);
    if (predicate_implied_by(wanted, parts, true)) proof = pstrdup(NameStr(form->conname));
    together = list_concat(together, parts);
    appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", NameStr(form->conname));
    return proof == nullptr;
  });
  if (proof == nullptr && predicate_implied_by(wanted, together, true)) proof = names.data;
  return proof;
}

namespace {

// The name of the first CHECK constraint that would be a proof, if only it were validated.
const char* find_unvalidated_check(Oid relation, AttrNumber column) {
  List* wanted = list_make1(not_null_test(relation, column));
  const char* found = nullptr;
  visit_checks(relation, [&](::Relation catalog, HeapTuple tuple, Form_pg_constraint form) {
    if (form->convalidated || !is_enforced(form)) return true;
    if (predicate_implied_by(wanted, parts_of_check(catalog, tuple), true)) {
      found = pstrdup(NameStr(form->conname));
    }
    return found == nullptr;
  });
  return found;
}

struct PromiseRow {
  const char* constraint;
  bool native;
};

PromiseRow read_promise(Oid relation, AttrNumber column) {
  const char* native = unvalidated_not_null_constraint(relation, column);
  if (native != nullptr) return {native, true};
  return {find_unvalidated_check(relation, column), false};
}

}  // namespace

NotNullPromise find_not_null_promise(const Relation& relation, const Column& column) {
  const Oid id = relation.id;
  const AttrNumber number = column.number;
  const PromiseRow row = pg::call([&] { return read_promise(id, number); });
  if (row.constraint == nullptr) return {};
  return {Text(row.constraint), row.native};
}

Text find_not_null_proof(const Relation& relation, const Column& column) {
  const Oid id = relation.id;
  const AttrNumber number = column.number;
  const char* proof = pg::call([&] { return prove_not_null(id, number, NIL); });
  return proof != nullptr ? Text(proof) : Text();
}

}  // namespace db_guard::ddl
