// Types: only the checks of a domain reach relations.
#include "effects/prediction.hpp"

#include "effects/dependencies.hpp"
#include "effects/queries.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

struct Use {
  Oid catalog;
  Oid object;
  int column;
};

List* uses_of_type(Oid type) {
  List* uses = NIL;
  ::Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(TypeRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(type));
  SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    auto* use = static_cast<Use*>(palloc(sizeof(Use)));
    *use = {row->classid, row->objid, row->objsubid};
    uses = lappend(uses, use);
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
  return uses;
}

bool has_column_of(Oid relation, Oid type) {
  ::Relation table = RelationIdGetRelation(relation);
  if (table == nullptr) return false;
  bool found = false;
  const TupleDesc columns = RelationGetDescr(table);
  for (int i = 0; i < columns->natts; i++) {
    const FormData_pg_attribute* column = TupleDescAttr(columns, i);
    if (column->atttypid == type && !column->attisdropped) found = true;
  }
  RelationClose(table);
  return found;
}

bool stores_rows(char kind) { return RELKIND_HAS_STORAGE(kind) || RELKIND_HAS_PARTITIONS(kind); }

// Values of the type within others: the server cannot check those.
void refuse_if_contained(Prediction& prediction, Oid type) {
  check_stack_depth();
  if (!OidIsValid(type)) return;
  ListCell* cell = nullptr;
  foreach (cell, uses_of_type(type)) {
    const auto* use = static_cast<const Use*>(lfirst(cell));
    if (use->catalog == TypeRelationId) {
      refuse_if_contained(prediction, use->object);
    } else if (use->catalog == RelationRelationId &&
               (use->column > 0 || has_column_of(use->object, type))) {
      if (stores_rows(get_rel_relkind(use->object)))
        server_refuses(prediction,
                       psprintf("cannot alter the type because a column of \"%s\" uses it",
                                get_rel_name(use->object)));
      else
        refuse_if_contained(prediction, get_rel_type_id(use->object));
    }
  }
}

void check_users(Prediction& prediction, Oid domain) {
  check_stack_depth();
  ListCell* cell = nullptr;
  foreach (cell, uses_of_type(domain)) {
    const auto* use = static_cast<const Use*>(lfirst(cell));
    if (use->catalog == TypeRelationId) {
      if (get_typtype(use->object) == TYPTYPE_DOMAIN)
        check_users(prediction, use->object);
      else
        refuse_if_contained(prediction, use->object);
    } else if (use->catalog == RelationRelationId && use->column > 0) {
      refuse_if_contained(prediction, get_rel_type_id(use->object));
      const char kind = get_rel_relkind(use->object);
      if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW)
        add_lock(prediction, use->object, ShareLock)->scan = true;
    }
  }
}

bool is_not_null(Oid domain) {
  HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool result = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typnotnull;
  ReleaseSysCache(tuple);
  return result;
}

bool checks_rows(const AlterDomainStmt* alter, Oid domain) {
  switch (alter->subtype) {
    case 'O':
      return !is_not_null(domain);
    case 'C': {
      const auto* constraint = castNode(Constraint, alter->def);
      if (constraint->contype == CONSTR_NOTNULL) return !is_not_null(domain);
      return !constraint->skip_validation;
    }
    case 'V':
      return true;
    default:
      return false;
  }
}

void predict_domain(Prediction& prediction, const AlterDomainStmt* alter) {
  const Oid domain = typenameTypeId(nullptr, makeTypeNameFromNameList(alter->typeName));
  if (get_typtype(domain) != TYPTYPE_DOMAIN) {
    server_refuses(prediction, psprintf("%s is not a domain", format_type_be(domain)));
    return;
  }
  const bool names_constraint =
      alter->subtype == 'V' || (alter->subtype == 'X' && !alter->missing_ok);
  if (names_constraint && !OidIsValid(get_domain_constraint_oid(domain, alter->name, true))) {
    server_refuses(prediction, psprintf("constraint \"%s\" of domain %s does not exist",
                                        alter->name, format_type_be(domain)));
    return;
  }
  if (checks_rows(alter, domain)) check_users(prediction, domain);
  if (alter->subtype == 'T') predict_recorded_expression(prediction, alter->def);
  if (alter->subtype == 'C') {
    predict_recorded_expression(prediction, castNode(Constraint, alter->def)->raw_expr,
                                getBaseType(domain));
  }
}

void predict_composite(Prediction& prediction, const CompositeTypeStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->coldeflist) {
    const auto* column = static_cast<const ColumnDef*>(lfirst(cell));
    lock_column_type(prediction, typenameTypeId(nullptr, column->typeName));
  }
}

void predict_create_domain(Prediction& prediction, const CreateDomainStmt* create) {
  const Oid base = getBaseType(typenameTypeId(nullptr, create->typeName));
  ListCell* cell = nullptr;
  foreach (cell, create->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (!IsA(constraint, Constraint)) continue;
    predict_recorded_expression(prediction, constraint->raw_expr, base);
  }
}

bool exists(const List* names) {
  const TypeName* name = makeTypeNameFromNameList(const_cast<List*>(names));
  return OidIsValid(LookupTypeNameOid(nullptr, name, true));
}

}  // namespace

bool predict_type(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterDomainStmt:
      predict_domain(prediction, castNode(AlterDomainStmt, tree));
      return true;
    case T_AlterEnumStmt:
      if (!exists(castNode(AlterEnumStmt, tree)->typeName))
        server_refuses(prediction, "the type does not exist");
      return true;
    case T_CompositeTypeStmt:
      predict_composite(prediction, castNode(CompositeTypeStmt, tree));
      return true;
    case T_CreateDomainStmt:
      predict_create_domain(prediction, castNode(CreateDomainStmt, tree));
      return true;
    case T_AlterTypeStmt:
    case T_CreateEnumStmt:
    case T_CreateRangeStmt:
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
