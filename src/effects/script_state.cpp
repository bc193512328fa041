#include "effects/script_state.hpp"

#include "effects/foreign_key.hpp"
#include "effects/prediction.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
}

namespace db_guard::effects {

namespace {

List* path_names() {
  List* names = NIL;
  if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &names)) return NIL;
  return names;
}

// A schema that the script makes is on the path where the path names it.
const char* creation_schema(const ScriptState& script, const RangeVar* name) {
  if (name->schemaname != nullptr) return name->schemaname;
  if (name->relpersistence == RELPERSISTENCE_TEMP) return "pg_temp";
  ListCell* cell = nullptr;
  foreach (cell, path_names()) {
    const char* schema = static_cast<const char*>(lfirst(cell));
    if (OidIsValid(get_namespace_oid(schema, true))) break;
    if (find_named(script.schemas, InvalidOid, schema) != NIL) return schema;
  }
  return get_namespace_name(RangeVarGetCreationNamespace(name));
}

void note_made(ScriptState& script, const char* schema, const char* name) {
  auto* made = static_cast<RelationName*>(palloc(sizeof(RelationName)));
  *made = {schema, name, script.file};
  List** namesakes = named(script.made, InvalidOid, name);
  *namesakes = lappend(*namesakes, made);
}

void make(ScriptState& script, const RangeVar* name, const char* own_name = nullptr) {
  note_made(script, creation_schema(script, name), own_name != nullptr ? own_name : name->relname);
}

// An index lives in its table's schema.
void make_index(ScriptState& script, const IndexStmt* statement) {
  const Oid table = resolve(script, statement->relation);
  if (OidIsValid(table)) {
    auto* index = static_cast<ScriptIndex*>(palloc(sizeof(ScriptIndex)));
    *index = {table, static_cast<const IndexStmt*>(copyObjectImpl(statement))};
    script.indexes = lappend(script.indexes, index);
  }
  if (statement->idxname == nullptr) return;
  if (!OidIsValid(table)) {
    make(script, statement->relation, statement->idxname);
    return;
  }
  note_made(script, get_namespace_name(get_rel_namespace(table)), statement->idxname);
  script.altered = list_append_unique_oid(script.altered, table);
}

void forget_made(ScriptState& script, const RangeVar* name) {
  List** namesakes = named(script.made, InvalidOid, name->relname);
  ListCell* cell = nullptr;
  foreach (cell, *namesakes) {
    const auto* made = static_cast<const RelationName*>(lfirst(cell));
    if (name->schemaname != nullptr && strcmp(name->schemaname, made->schema) != 0) continue;
    *namesakes = foreach_delete_current(*namesakes, cell);
  }
}

void drop(ScriptState& script, const DropStmt* statement) {
  switch (statement->removeType) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
    case OBJECT_FOREIGN_TABLE:
      break;
    case OBJECT_POLICY:
      note_dropped_policies(script, statement);
      return;
    default:
      return;
  }
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    const RangeVar* name = makeRangeVarFromNameList(static_cast<List*>(lfirst(cell)));
    if (is_made(script, name)) {
      forget_made(script, name);
      continue;
    }
    const Oid id = resolve(script, name);
    if (!OidIsValid(id)) continue;
    script.gone = list_append_unique_oid(script.gone, id);
    ListCell* index = nullptr;
    foreach (index, indexes_of(id)) {
      script.gone = list_append_unique_oid(script.gone, lfirst_oid(index));
    }
  }
}

void note_new_name(ScriptState& script, Oid relation, const char* schema, const char* name) {
  auto* renamed = static_cast<RenamedRelation*>(palloc(sizeof(RenamedRelation)));
  *renamed = {relation, {schema, name, 0}};
  // The newest first: a relation may be renamed twice.
  script.renamed = lcons(renamed, script.renamed);
}

void move(ScriptState& script, const AlterObjectSchemaStmt* statement) {
  if (statement->relation == nullptr) return;
  const Oid id = resolve(script, statement->relation);
  if (!OidIsValid(id)) return;
  script.altered = list_append_unique_oid(script.altered, id);
  note_new_name(script, id, statement->newschema, statement->relation->relname);
}

void rename(ScriptState& script, const RenameStmt* statement) {
  if (statement->relation == nullptr) return;
  const bool whole =
      statement->renameType == OBJECT_TABLE || statement->renameType == OBJECT_VIEW ||
      statement->renameType == OBJECT_INDEX || statement->renameType == OBJECT_MATVIEW ||
      statement->renameType == OBJECT_SEQUENCE || statement->renameType == OBJECT_FOREIGN_TABLE;
  const Oid id = resolve(script, statement->relation);
  if (whole && is_made(script, statement->relation)) {
    forget_made(script, statement->relation);
    make(script, statement->relation, statement->newname);
  } else if (OidIsValid(id)) {
    script.altered = list_append_unique_oid(script.altered, id);
    if (whole)
      note_new_name(script, id, get_namespace_name(get_rel_namespace(id)), statement->newname);
  }
}

ScriptConstraint* constraint_of(ScriptState& script, Oid table, const char* name) {
  auto* known = const_cast<ScriptConstraint*>(find_constraint(script, table, name));
  if (known != nullptr) return known;
  known = static_cast<ScriptConstraint*>(palloc0(sizeof(ScriptConstraint)));
  known->table = table;
  known->name = name;
  List** namesakes = named(script.constraints, table, name);
  *namesakes = lappend(*namesakes, known);
  return known;
}

void add_not_null(ScriptState& script, Oid table, const char* column) {
  List** known = named(script.not_null, table, column);
  if (*known == NIL) *known = list_make1(pstrdup(column));
}

bool is_column(const Node* node, const char** name) {
  if (node == nullptr || !IsA(node, ColumnRef)) return false;
  const auto* reference = reinterpret_cast<const ColumnRef*>(node);
  const Node* last = static_cast<const Node*>(llast(reference->fields));
  if (!IsA(last, String)) return false;
  *name = strVal(last);
  return true;
}

// CHECK (a IS NOT NULL), alone or as a member of an AND.
void note_proof(ScriptState& script, Oid table, const Node* expression) {
  if (expression == nullptr) return;
  if (IsA(expression, BoolExpr)) {
    const auto* both = reinterpret_cast<const BoolExpr*>(expression);
    if (both->boolop != AND_EXPR) return;
    ListCell* cell = nullptr;
    foreach (cell, both->args) note_proof(script, table, static_cast<const Node*>(lfirst(cell)));
    return;
  }
  if (!IsA(expression, NullTest)) return;
  const auto* test = reinterpret_cast<const NullTest*>(expression);
  const char* column = nullptr;
  if (test->nulltesttype != IS_NOT_NULL) return;
  if (is_column(reinterpret_cast<const Node*>(test->arg), &column)) {
    add_not_null(script, table, column);
  }
}

// The same of an expression that has been analysed, as the catalog keeps it.
void note_stored_proof(ScriptState& script, Oid table, const Node* expression) {
  if (expression == nullptr) return;
  if (is_andclause(expression)) {
    ListCell* cell = nullptr;
    foreach (cell, reinterpret_cast<const BoolExpr*>(expression)->args) {
      note_stored_proof(script, table, static_cast<const Node*>(lfirst(cell)));
    }
    return;
  }
  if (!IsA(expression, NullTest)) return;
  const auto* test = reinterpret_cast<const NullTest*>(expression);
  const auto* argument = reinterpret_cast<const Node*>(test->arg);
  if (test->nulltesttype != IS_NOT_NULL || !IsA(argument, Var)) return;
  const auto* column = reinterpret_cast<const Var*>(argument);
  add_not_null(script, table, get_attname(table, column->varattno, false));
}

// A constraint that is there already, NOT VALID.
void note_stored(ScriptState& script, Oid table, const char* name) {
  const Oid id = get_relation_constraint_oid(table, name, true);
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(id));
  if (!HeapTupleIsValid(tuple)) return;
  bool is_null = false;
  const Datum stored = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &is_null);
  if (!is_null) {
    note_stored_proof(script, table,
                      static_cast<const Node*>(stringToNode(TextDatumGetCString(stored))));
  }
  ReleaseSysCache(tuple);
}

void note_valid(ScriptState& script, ScriptConstraint& constraint) {
  constraint.validated = true;
  script.valid = list_append_unique_ptr(script.valid, &constraint);
  const Constraint* definition = constraint.definition;
  if (definition == nullptr) {
    note_stored(script, constraint.table, constraint.name);
  } else if (definition->contype == CONSTR_CHECK) {
    note_proof(script, constraint.table, definition->raw_expr);
  }
}

void add_constraint(ScriptState& script, Oid table, const Constraint* definition) {
  if (definition->conname == nullptr) {
    if (definition->contype == CONSTR_CHECK && !definition->skip_validation) {
      note_proof(script, table, definition->raw_expr);
    }
    return;
  }
  ScriptConstraint* constraint = constraint_of(script, table, definition->conname);
  constraint->gone = false;
  constraint->definition = definition;
  if (!definition->skip_validation) note_valid(script, *constraint);
}

void drop_constraint(ScriptState& script, Oid table, const char* name) {
  ScriptConstraint* constraint = constraint_of(script, table, name);
  constraint->gone = true;
  script.dropped = list_append_unique_ptr(script.dropped, constraint);
}

void add_column(ScriptState& script, Oid table, const ColumnDef* column) {
  ListCell* cell = nullptr;
  foreach (cell, column->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    const bool never_null =
        constraint->contype == CONSTR_NOTNULL || constraint->contype == CONSTR_PRIMARY;
    if (never_null) add_not_null(script, table, column->colname);
  }
}

void detach(ScriptState& script, const PartitionCmd* command) {
  const Oid partition = resolve(script, command->name);
  if (OidIsValid(partition)) {
    script.detached = list_append_unique_oid(script.detached, partition);
  }
}

void note_command(ScriptState& script, Oid table, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_AddConstraint:
      add_constraint(script, table, reinterpret_cast<const Constraint*>(command->def));
      break;
    case AT_ValidateConstraint:
      note_valid(script, *constraint_of(script, table, command->name));
      break;
    case AT_DropConstraint:
      drop_constraint(script, table, command->name);
      break;
    case AT_SetNotNull:
      add_not_null(script, table, command->name);
      break;
    case AT_AddColumn:
      add_column(script, table, reinterpret_cast<const ColumnDef*>(command->def));
      break;
    case AT_DetachPartition:
      detach(script, reinterpret_cast<const PartitionCmd*>(command->def));
      break;
    default:
      break;
  }
}

void alter(ScriptState& script, const AlterTableStmt* statement) {
  const Oid table = resolve(script, statement->relation);
  if (!OidIsValid(table) || is_made(script, statement->relation)) return;
  script.altered = list_append_unique_oid(script.altered, table);
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    note_command(script, table, static_cast<const AlterTableCmd*>(lfirst(cell)));
  }
}

RangeVar* made_relation(Node* element) {
  switch (nodeTag(element)) {
    case T_CreateStmt:
      return reinterpret_cast<CreateStmt*>(element)->relation;
    case T_ViewStmt:
      return reinterpret_cast<ViewStmt*>(element)->view;
    case T_CreateSeqStmt:
      return reinterpret_cast<CreateSeqStmt*>(element)->sequence;
    default:
      return nullptr;
  }
}

void make_schema(ScriptState& script, const CreateSchemaStmt* statement) {
  const char* schema = statement->schemaname;
  if (schema == nullptr && statement->authrole != nullptr) schema = statement->authrole->rolename;
  if (schema == nullptr) return;
  List** known = named(script.schemas, InvalidOid, schema);
  *known = lappend(*known, pstrdup(schema));
  ListCell* cell = nullptr;
  foreach (cell, statement->schemaElts) {
    const RangeVar* element = made_relation(static_cast<Node*>(lfirst(cell)));
    if (element != nullptr) note_made(script, schema, element->relname);
  }
}

}  // namespace

void note_statement(ScriptState& script, Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateSchemaStmt:
      make_schema(script, reinterpret_cast<const CreateSchemaStmt*>(tree));
      break;
    case T_CreateStmt:
      make(script, reinterpret_cast<const CreateStmt*>(tree)->relation);
      break;
    case T_CreateForeignTableStmt:
      make(script, reinterpret_cast<const CreateForeignTableStmt*>(tree)->base.relation);
      break;
    case T_CreateTableAsStmt:
      make(script, reinterpret_cast<const CreateTableAsStmt*>(tree)->into->rel);
      break;
    case T_SelectStmt: {
      const IntoClause* into = reinterpret_cast<const SelectStmt*>(tree)->intoClause;
      if (into != nullptr) make(script, into->rel);
      break;
    }
    case T_ViewStmt:
      make(script, reinterpret_cast<const ViewStmt*>(tree)->view);
      break;
    case T_CreateSeqStmt:
      make(script, reinterpret_cast<const CreateSeqStmt*>(tree)->sequence);
      break;
    case T_IndexStmt:
      make_index(script, reinterpret_cast<const IndexStmt*>(tree));
      break;
    case T_DropStmt:
      drop(script, reinterpret_cast<const DropStmt*>(tree));
      break;
    case T_RenameStmt:
      rename(script, reinterpret_cast<const RenameStmt*>(tree));
      break;
    case T_AlterObjectSchemaStmt:
      move(script, reinterpret_cast<const AlterObjectSchemaStmt*>(tree));
      break;
    case T_CreateFunctionStmt: {
      const auto* statement = reinterpret_cast<const CreateFunctionStmt*>(tree);
      const char* name = strVal(llast(statement->funcname));
      if (!is_in(script.functions, name)) {
        script.functions = lappend(script.functions, pstrdup(name));
      }
      break;
    }
    case T_CreatePolicyStmt:
      note_policy(script, reinterpret_cast<const CreatePolicyStmt*>(tree));
      break;
    case T_AlterTableStmt:
      alter(script, reinterpret_cast<const AlterTableStmt*>(tree));
      break;
    default:
      break;
  }
}

namespace {

bool leads_with(const IndexStmt* index, const List* columns) {
  if (index->whereClause != nullptr || list_length(index->indexParams) < list_length(columns)) {
    return false;
  }
  for (int i = 0; i < list_length(columns); i++) {
    const auto* element = static_cast<const IndexElem*>(list_nth(index->indexParams, i));
    if (element->name == nullptr || !is_in(columns, element->name)) return false;
  }
  return true;
}

}  // namespace

List* columns_of_new_index(const ScriptState& script, Oid table, const char* index) {
  ListCell* cell = nullptr;
  foreach (cell, script.indexes) {
    const auto* known = static_cast<const ScriptIndex*>(lfirst(cell));
    const IndexStmt* definition = known->definition;
    if (known->table != table || definition->idxname == nullptr) continue;
    if (strcmp(definition->idxname, index) != 0 || definition->whereClause != nullptr) continue;
    List* columns = NIL;
    ListCell* inner = nullptr;
    foreach (inner, definition->indexParams) {
      const char* name = static_cast<const IndexElem*>(lfirst(inner))->name;
      if (name == nullptr) return NIL;
      columns = lappend(columns, pstrdup(name));
    }
    return columns;
  }
  return NIL;
}

bool is_indexed(const ScriptState& script, Oid table, const List* columns) {
  ListCell* cell = nullptr;
  foreach (cell, script.indexes) {
    const auto* index = static_cast<const ScriptIndex*>(lfirst(cell));
    if (index->table == table && leads_with(index->definition, columns)) return true;
  }
  return false;
}

namespace {

const AlterTableCmd* only_command(const Node* tree) {
  if (!IsA(tree, AlterTableStmt)) return nullptr;
  const List* commands = reinterpret_cast<const AlterTableStmt*>(tree)->cmds;
  return list_length(commands) == 1 ? static_cast<const AlterTableCmd*>(linitial(commands))
                                    : nullptr;
}

void predict_validate(Prediction& prediction, Oid table, const Constraint& definition) {
  RelationEffect* effect = add_lock(prediction, table, ShareUpdateExclusiveLock);
  prediction.estimated = true;
  if (definition.contype == CONSTR_FOREIGN) {
    effect->fk_check = true;
    const Oid other = find_relation(prediction, definition.pktable);
    if (OidIsValid(other)) add_lock(prediction, other, RowShareLock);
  } else {
    effect->scan = true;
  }
}

}  // namespace

bool predict_by_script(Prediction& prediction, Node* tree) {
  const AlterTableCmd* command = only_command(tree);
  if (command == nullptr || command->subtype != AT_ValidateConstraint) return false;
  const Oid table =
      find_relation(prediction, reinterpret_cast<const AlterTableStmt*>(tree)->relation);
  const ScriptConstraint* constraint =
      OidIsValid(table) ? find_constraint(*prediction.script, table, command->name) : nullptr;
  if (constraint == nullptr || constraint->definition == nullptr || constraint->gone) return false;
  predict_validate(prediction, table, *constraint->definition);
  return true;
}

namespace {

void refer(Prediction& prediction, const Constraint* constraint) {
  if (constraint->contype != CONSTR_FOREIGN) return;
  const Oid other = find_relation(prediction, constraint->pktable);
  if (OidIsValid(other)) lock_for_foreign_key(prediction, other, constraint->pk_attrs);
}

}  // namespace

void predict_references_of_new(Prediction& prediction, Node* tree) {
  if (!IsA(tree, AlterTableStmt)) return;
  ListCell* cell = nullptr;
  foreach (cell, reinterpret_cast<const AlterTableStmt*>(tree)->cmds) {
    const auto* command = static_cast<const AlterTableCmd*>(lfirst(cell));
    if (command->subtype == AT_AddConstraint) {
      refer(prediction, reinterpret_cast<const Constraint*>(command->def));
    } else if (command->subtype == AT_AddColumn) {
      ListCell* inner = nullptr;
      foreach (inner, reinterpret_cast<const ColumnDef*>(command->def)->constraints) {
        refer(prediction, static_cast<const Constraint*>(lfirst(inner)));
      }
    }
  }
}

namespace {

bool is_called(const RelationName& relation, const RangeVar* name) {
  if (strcmp(relation.name, name->relname) != 0) return false;
  if (name->schemaname != nullptr) return strcmp(name->schemaname, relation.schema) == 0;
  if (strcmp(relation.schema, "pg_temp") == 0) return true;
  const Oid schema = get_namespace_oid(relation.schema, true);
  if (OidIsValid(schema)) return list_member_oid(fetch_search_path(false), schema);
  // One that the script makes, too.
  return is_in(path_names(), relation.schema);
}

Oid renamed_to(const ScriptState& script, const RangeVar* name) {
  List* seen = NIL;
  ListCell* cell = nullptr;
  foreach (cell, script.renamed) {
    const auto* renamed = static_cast<const RenamedRelation*>(lfirst(cell));
    if (list_member_oid(seen, renamed->relation)) continue;
    seen = lappend_oid(seen, renamed->relation);
    if (is_called(renamed->name, name)) return renamed->relation;
  }
  return InvalidOid;
}

}  // namespace

const RelationName* find_made(const ScriptState& script, const RangeVar* name) {
  ListCell* cell = nullptr;
  foreach (cell, find_named(script.made, InvalidOid, name->relname)) {
    const auto* made = static_cast<const RelationName*>(lfirst(cell));
    if (is_called(*made, name)) return made;
  }
  return nullptr;
}

bool is_made(const ScriptState& script, const RangeVar* name) {
  return find_made(script, name) != nullptr;
}

Oid resolve(const ScriptState& script, const RangeVar* name) {
  Oid id = renamed_to(script, name);
  if (!OidIsValid(id)) {
    id = RangeVarGetRelid(name, NoLock, true);
    if (OidIsValid(id) && is_name_free(script, id)) return InvalidOid;
  }
  return is_gone(script, id) ? InvalidOid : id;
}

bool is_name_free(const ScriptState& script, Oid relation) {
  if (is_gone(script, relation)) return true;
  ListCell* cell = nullptr;
  foreach (cell, script.renamed) {
    if (static_cast<const RenamedRelation*>(lfirst(cell))->relation == relation) return true;
  }
  return false;
}

bool is_gone(const ScriptState& script, Oid relation) {
  return list_member_oid(script.gone, relation);
}

bool is_detached(const ScriptState& script, Oid partition) {
  return list_member_oid(script.detached, partition);
}

bool is_altered(const ScriptState& script, Oid relation) {
  return list_member_oid(script.altered, relation);
}

const ScriptConstraint* find_constraint(const ScriptState& script, Oid table, const char* name) {
  const List* namesakes = find_named(script.constraints, table, name);
  return namesakes != NIL ? static_cast<const ScriptConstraint*>(linitial(namesakes)) : nullptr;
}

List* gone_constraints(const ScriptState& script) {
  List* constraints = NIL;
  ListCell* cell = nullptr;
  foreach (cell, script.dropped) {
    const auto* known = static_cast<const ScriptConstraint*>(lfirst(cell));
    if (!known->gone) continue;
    const Oid id = get_relation_constraint_oid(known->table, known->name, true);
    if (OidIsValid(id)) constraints = lappend_oid(constraints, id);
  }
  return constraints;
}

bool is_proven_not_null(const ScriptState& script, Oid table, const char* column) {
  return find_named(script.not_null, table, column) != NIL;
}

}  // namespace db_guard::effects
