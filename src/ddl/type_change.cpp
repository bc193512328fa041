// What ALTER COLUMN ... TYPE will cost. Builds the server's own conversion expression and asks of
// it what the server asks; then walks the same dependencies that the server walks.
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/narrowing.hpp"
#include "ddl/resolve_columns.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
}

namespace db_guard::ddl {

namespace {

// The altered column, as plain server code needs it.
struct Altered {
  Oid relation;
  AttrNumber number;
  TypeOf before;
  TypeOf after;
};

// The change in words, for the rules that will speak of it.
struct ChangeWords {
  TypePlan plan;
  FitPlan fit;
  bool composite;
  const char* old_type;
  const char* new_type;
  const char* conversion;
  const char* conversion_of_new;
};

const char* type_text(const TypeOf& type) {
  const char* name = format_type_with_typemod(type.type, type.modifier);
  if (!OidIsValid(type.collation) || type.collation == get_typcollation(type.type)) return name;
  return psprintf("%s COLLATE %s", name, generate_collation_name(type.collation));
}

// The USING expression, or the column itself.
Node* converted_value(const Altered& altered, const ColumnDef* definition, ParseState* state) {
  if (definition->raw_default != nullptr) {
    return transformExpr(state, static_cast<Node*>(copyObjectImpl(definition->raw_default)),
                         EXPR_KIND_ALTER_COL_TRANSFORM);
  }
  return reinterpret_cast<Node*>(makeVar(1, altered.number, altered.before.type,
                                         altered.before.modifier, altered.before.collation, 0));
}

// Printing an expression opens its table, so this needs a lock; nobody is waited for.
void print_conversion(Oid relation, ChangeWords& words) {
  if (!ConditionalLockRelationOid(relation, AccessShareLock)) return;
  // Dropped in the meantime, which only holding the lock lets us see.
  const char* name = get_rel_name(relation);
  if (name == nullptr) return;
  const int nest_level = pg::pin_search_path();
  List* as_table = deparse_context_for(name, relation);
  List* as_new = deparse_context_for("new", relation);
  Node* value = words.plan.value;
  // Assigned to a column of the new type it is converted as the statement would do it. A cast would
  // cut what the statement refuses.
  words.conversion = deparse_expression(value, as_table, false, false);
  words.conversion_of_new = deparse_expression(value, as_new, true, false);
  pg::unpin_search_path(nest_level);
}

Node* conversion(const Altered& altered, Node* expression, ParseState* state) {
  expression =
      coerce_to_target_type(state, expression, exprType(expression), altered.after.type,
                            altered.after.modifier, COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
  if (expression == nullptr) return nullptr;
  assign_expr_collations(state, expression);
  return reinterpret_cast<Node*>(expression_planner(reinterpret_cast<Expr*>(expression)));
}

// The same walk as the server's ATColumnChangeRequiresRewrite, which is not exported.
bool requires_rewrite(Node* expression, AttrNumber number) {
  for (;;) {
    if (IsA(expression, Var)) return reinterpret_cast<Var*>(expression)->varattno != number;
    if (IsA(expression, RelabelType)) {
      expression = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(expression)->arg);
    } else if (IsA(expression, CoerceToDomain)) {
      auto* coercion = reinterpret_cast<CoerceToDomain*>(expression);
      if (DomainHasConstraints(coercion->resulttype)) return true;
      expression = reinterpret_cast<Node*>(coercion->arg);
    } else if (IsA(expression, FuncExpr)) {
      auto* function = reinterpret_cast<FuncExpr*>(expression);
      const bool between_timestamps = function->funcid == F_TIMESTAMPTZ_TIMESTAMP ||
                                      function->funcid == F_TIMESTAMP_TIMESTAMPTZ;
      if (!between_timestamps || TimestampTimestampTzRequiresRewrite()) return true;
      expression = static_cast<Node*>(linitial(function->args));
    } else {
      return true;
    }
  }
}

struct IndexKey {
  Oid opclass;
  Oid collation;
};

// Whether one key column of an index stays what it was. The server's CheckIndexCompatible can only
// be asked when the column has been changed already; these are its conditions.
bool key_stays(const Altered& altered, const IndexKey& key, Oid access_method) {
  const bool default_class = GetDefaultOpClass(altered.before.type, access_method) == key.opclass;
  const Oid opclass =
      default_class ? GetDefaultOpClass(altered.after.type, access_method) : key.opclass;
  if (opclass != key.opclass) return false;
  const bool follows_column = key.collation == altered.before.collation;
  if (follows_column && altered.after.collation != key.collation) return false;
  const bool polymorphic = IsPolymorphicType(get_opclass_input_type(opclass));
  return !polymorphic || altered.before.type == altered.after.type;
}

Oid access_method_of(Oid index) {
  Oid method = InvalidOid;
  pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(index),
                                   [&](auto* form, HeapTuple) { method = form->relam; });
  return method;
}

const oidvector* index_oids(HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  return reinterpret_cast<oidvector*>(
      DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple, attribute, &is_null)));
}

bool index_stays(const Altered& altered, Oid index) {
  bool stays = true;
  const auto read = [&](auto* form, HeapTuple tuple) {
    stays = form->indisvalid && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
            heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
    const oidvector* classes = index_oids(tuple, Anum_pg_index_indclass);
    const oidvector* collations = index_oids(tuple, Anum_pg_index_indcollation);
    const Oid access_method = access_method_of(index);
    for (int i = 0; stays && i < form->indnkeyatts; i++) {
      if (form->indkey.values[i] != altered.number) continue;
      stays = key_stays(altered, {classes->values[i], collations->values[i]}, access_method);
    }
  };
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index), read);
  return stays;
}

void note_index(const Altered& altered, Oid index, TypePlan& plan) {
  if (plan.rewrite || index_stays(altered, index)) return;
  plan.rebuilt_indexes = list_append_unique_oid(plan.rebuilt_indexes, index);
}

void note_constraint(const Altered& altered, Oid constraint, TypePlan& plan) {
  plan.constraints = list_append_unique_oid(plan.constraints, constraint);
  const Oid index = get_constraint_index(constraint);
  if (OidIsValid(index)) note_index(altered, index, plan);
}

// Looking for it costs a scan of pg_depend; plain indexes, most of them, back none.
Oid constraint_of_index(Oid index) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  const bool may_back = form->indisunique || form->indisexclusion;
  ReleaseSysCache(tuple);
  return may_back ? get_index_constraint(index) : InvalidOid;
}

// An index that belongs to a constraint depends on the column by itself where it has a predicate.
void note_relation(const Altered& altered, Oid relation, TypePlan& plan) {
  const char kind = get_rel_relkind(relation);
  if (kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX) return;
  const Oid constraint = constraint_of_index(relation);
  if (OidIsValid(constraint)) {
    note_constraint(altered, constraint, plan);
    return;
  }
  plan.indexes = list_append_unique_oid(plan.indexes, relation);
  note_index(altered, relation, plan);
}

void note_dependent(const Altered& altered, const FormData_pg_depend* dependency, TypePlan& plan) {
  switch (dependency->classid) {
    case RelationRelationId:
      note_relation(altered, dependency->objid, plan);
      break;
    case ConstraintRelationId:
      note_constraint(altered, dependency->objid, plan);
      break;
    case RewriteRelationId:
      plan.refused = "cannot alter type of a column used by a view or rule";
      break;
    case TriggerRelationId:
      plan.refused = "cannot alter type of a column used in a trigger definition";
      break;
    case PolicyRelationId:
      plan.refused = "cannot alter type of a column used in a policy definition";
      break;
    case AttrDefaultRelationId:
      if (GetAttrDefaultColumnAddress(dependency->objid).objectSubId != altered.number) {
        plan.refused = "cannot alter type of a column used by a generated column";
      }
      break;
    case ProcedureRelationId:
      plan.refused = "cannot alter type of a column used by a function or procedure";
      break;
    default:
      break;
  }
}

void walk_dependents(const Altered& altered, TypePlan& plan) {
  ::Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(altered.relation));
  ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber, F_INT4EQ,
              Int32GetDatum(altered.number));
  SysScanDesc scan = systable_beginscan(catalog, DependReferenceIndexId, true, nullptr, 3, keys);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    note_dependent(altered, reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple)), plan);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

ChangeWords describe_change(Oid relation, const char* column, const ColumnDef* definition) {
  ChangeWords words{};
  words.plan = plan_type_change(relation, column, definition);
  const TypePlan& plan = words.plan;
  words.old_type = pg::under_pinned_search_path([&] { return type_text(plan.before); });
  words.new_type = pg::under_pinned_search_path([&] { return type_text(plan.after); });
  words.composite = type_is_rowtype(plan.after.type);
  if (plan.rewrite || plan.rebuilt_indexes != NIL) print_conversion(relation, words);
  if (!plan.rewrite) return words;
  // What an expression makes of the values is up to whoever wrote it.
  const bool converts = definition->raw_default != nullptr;
  words.fit = pg::under_pinned_search_path([&] {
    return converts ? FitPlan{Fit::kSome, nullptr} : plan_fit(plan, quote_identifier(column));
  });
  return words;
}

struct ConstraintRow {
  char type;
  bool validated;
  const char* name;
  const char* definition;  // null where reading it would have to wait for a lock
  Oid relation;
  Oid referenced;
};

ConstraintRow read_constraint(Oid id) {
  ConstraintRow row{};
  pg::read_syscache<Form_pg_constraint>(CONSTROID, ObjectIdGetDatum(id),
                                        [&](auto* form, HeapTuple) {
                                          row.type = form->contype;
                                          row.validated = form->convalidated;
                                          row.name = pstrdup(NameStr(form->conname));
                                          row.relation = form->conrelid;
                                          row.referenced = form->confrelid;
                                        });
  if (row.type == CONSTRAINT_CHECK && lock_without_waiting(row.relation)) {
    row.definition = pg::under_pinned_search_path([&] {
      return TextDatumGetCString(DirectFunctionCall1(pg_get_constraintdef, ObjectIdGetDatum(id)));
    });
  }
  return row;
}

ForeignKey foreign_key(const Relation& relation, const ConstraintRow& row, Facts& facts) {
  ForeignKey key;
  key.constraint = row.name;
  key.referencing = row.relation == relation.id;
  const auto other = read_relation_by_id(key.referencing ? row.referenced : row.relation);
  if (!other) return key;
  key.other_table = other->display;
  const Size size = facts.size(*other);
  key.other_bytes = size.bytes;
  key.other_assumed = size.assumed;
  return key;
}

void add_constraint(const Relation& relation, Oid id, Facts& facts, TypeChange& change) {
  const ConstraintRow row = pg::call([&] { return read_constraint(id); });
  if (row.type == CONSTRAINT_FOREIGN) {
    change.foreign_keys.push_back(foreign_key(relation, row, facts));
    if (change.rewrite && row.validated) change.foreign_keys_checked = true;
  }
  if (row.type == CONSTRAINT_CHECK && row.validated) {
    change.checked.emplace_back(row.name);
    if (row.definition == nullptr) return;
    const char* quoted = pg::call([&] { return quote_identifier(row.name); });
    change.check_definitions.push_back(Text(quoted).append(" ").append(row.definition));
  }
}

}  // namespace

TypePlan plan_type_change(Oid relation, const char* column, const ColumnDef* definition) {
  TypePlan plan{};
  plan.number = get_attnum(relation, column);
  get_atttypetypmodcoll(relation, plan.number, &plan.before.type, &plan.before.modifier,
                        &plan.before.collation);
  typenameTypeIdAndMod(nullptr, definition->typeName, &plan.after.type, &plan.after.modifier);
  plan.after.collation =
      GetColumnDefCollation(nullptr, const_cast<ColumnDef*>(definition), plan.after.type);
  const Altered altered{relation, plan.number, plan.before, plan.after};
  ParseState* state = parse_state_of(&altered.relation);
  plan.value = converted_value(altered, definition, state);
  Node* expression = conversion(altered, static_cast<Node*>(copyObjectImpl(plan.value)), state);
  // Types and foreign tables have no rows that could be converted.
  const char kind = get_rel_relkind(relation);
  const bool has_rows = kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
  if (expression == nullptr && has_rows) {
    plan.refused = "the column cannot be cast automatically to the new type";
    return plan;
  }
  plan.rewrite = has_rows && !is_virtual_column(relation, plan.number) &&
                 requires_rewrite(expression, altered.number);
  walk_dependents(altered, plan);
  return plan;
}

TypeChange analyse_type_change(const Relation& relation, const Action& action, Facts& facts) {
  const Oid id = relation.id;
  const char* column = action.column.c_str();
  const auto* definition = static_cast<const ColumnDef*>(action.node);
  ChangeWords words{};
  try {
    words = pg::call([&] { return describe_change(id, column, definition); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // No such type, a USING expression that does not parse.
    throw Refused{};
  }
  const TypePlan& plan = words.plan;
  TypeChange change;
  change.refused = plan.refused != nullptr;
  change.rewrite = plan.rewrite;
  change.composite = words.composite;
  change.converts = definition->raw_default != nullptr;
  change.fit = words.fit.fit;
  if (words.fit.fits != nullptr) change.fits = words.fit.fits;
  change.old_type = words.old_type;
  change.new_type = words.new_type;
  if (words.conversion != nullptr) {
    change.conversion = words.conversion;
    change.conversion_of_new = words.conversion_of_new;
  }
  if (change.refused) return change;
  for (int i = 0; i < list_length(plan.constraints); i++) {
    add_constraint(relation, list_nth_oid(plan.constraints, i), facts, change);
  }
  for (int i = 0; i < list_length(plan.rebuilt_indexes); i++) {
    const auto index = read_relation_by_id(list_nth_oid(plan.rebuilt_indexes, i));
    if (index) change.rebuilt_indexes.push_back(index->display);
  }
  return change;
}

}  // namespace db_guard::ddl
