// What a domain asks of its values.
#include "ddl/plain_facts.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
}

namespace db_guard::ddl {

namespace {

FormData_pg_type type_row(Oid type) {
  FormData_pg_type row{};
  pg::read_syscache<Form_pg_type>(TYPEOID, ObjectIdGetDatum(type),
                                  [&](auto* form, HeapTuple) { row = *form; });
  return row;
}

const char* print_check(::Relation catalog, HeapTuple tuple) {
  bool is_null = false;
  const Datum value =
      heap_getattr(tuple, Anum_pg_constraint_conbin, RelationGetDescr(catalog), &is_null);
  if (is_null) return nullptr;
  auto* expression = static_cast<Node*>(stringToNode(TextDatumGetCString(value)));
  return deparse_expression(expression, NIL, false, false);
}

}  // namespace

List* print_domain_checks(Oid domain) {
  List* checks = NIL;
  ::Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(domain));
  SysScanDesc scan = systable_beginscan(catalog, ConstraintTypidIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    if (reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->contype != CONSTRAINT_CHECK)
      continue;
    const char* check = print_check(catalog, tuple);
    if (check != nullptr) checks = lappend(checks, const_cast<char*>(check));
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return checks;
}

bool is_domain_not_null(Oid domain) { return type_row(domain).typnotnull; }

Oid base_of_domain(Oid domain, int32* modifier) {
  const FormData_pg_type row = type_row(domain);
  *modifier = row.typtypmod;
  return row.typbasetype;
}

}  // namespace db_guard::ddl
