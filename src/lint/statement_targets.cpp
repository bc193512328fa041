#include "lint/statement_targets.hpp"

#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::lint {

namespace {

Target look_for(const effects::ScriptState& script, const RangeVar* name, bool may_miss) {
  if (name == nullptr) return {};
  const effects::RelationName* made = effects::find_made(script, name);
  if (made != nullptr) return {name, made, may_miss};
  return OidIsValid(effects::resolve(script, name)) ? Target{} : Target{name, nullptr, may_miss};
}

// Triggers, rules and policies have the name of their relation in front of their own.
const RangeVar* relation_named_by(const DropStmt* statement, const Node* object) {
  switch (statement->removeType) {
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_INDEX:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_TABLE:
    case OBJECT_VIEW:
      return makeRangeVarFromNameList(const_cast<List*>(reinterpret_cast<const List*>(object)));
    case OBJECT_POLICY:
    case OBJECT_RULE:
    case OBJECT_TRIGGER: {
      const auto* names = reinterpret_cast<const List*>(object);
      return makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1));
    }
    default:
      return nullptr;
  }
}

Target look_for_dropped(const effects::ScriptState& script, const DropStmt* statement) {
  Target missing{};
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    const RangeVar* name = relation_named_by(statement, static_cast<const Node*>(lfirst(cell)));
    missing = look_for(script, name, statement->missing_ok);
    if (missing.name != nullptr) break;
  }
  return missing;
}

// TRUNCATE and LOCK name RangeVars, VACUUM has them in a node of its own.
const RangeVar* relation_of(const Node* item) {
  return IsA(item, VacuumRelation) ? reinterpret_cast<const VacuumRelation*>(item)->relation
                                   : reinterpret_cast<const RangeVar*>(item);
}

Target look_for_each(const effects::ScriptState& script, const List* relations) {
  Target missing{};
  ListCell* cell = nullptr;
  foreach (cell, relations) {
    missing = look_for(script, relation_of(static_cast<const Node*>(lfirst(cell))), false);
    if (missing.name != nullptr) break;
  }
  return missing;
}

template <class Statement>
Target look_for_relation(const effects::ScriptState& script, const Node* tree) {
  return look_for(script, reinterpret_cast<const Statement*>(tree)->relation, false);
}

template <class Statement>
Target look_for_relation_if_any(const effects::ScriptState& script, const Node* tree) {
  const auto* statement = reinterpret_cast<const Statement*>(tree);
  return look_for(script, statement->relation, statement->missing_ok);
}

}  // namespace

Target find_missing_target(const effects::ScriptState& script, const Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      return look_for_relation_if_any<AlterTableStmt>(script, tree);
    case T_RenameStmt:
      return look_for_relation_if_any<RenameStmt>(script, tree);
    case T_IndexStmt:
      return look_for_relation<IndexStmt>(script, tree);
    case T_ReindexStmt:
      return look_for_relation<ReindexStmt>(script, tree);
    case T_ClusterStmt:
      return look_for_relation<ClusterStmt>(script, tree);
    case T_RefreshMatViewStmt:
      return look_for_relation<RefreshMatViewStmt>(script, tree);
    case T_UpdateStmt:
      return look_for_relation<UpdateStmt>(script, tree);
    case T_DeleteStmt:
      return look_for_relation<DeleteStmt>(script, tree);
    case T_InsertStmt:
      return look_for_relation<InsertStmt>(script, tree);
    case T_TruncateStmt:
      return look_for_each(script, reinterpret_cast<const TruncateStmt*>(tree)->relations);
    case T_LockStmt:
      return look_for_each(script, reinterpret_cast<const LockStmt*>(tree)->relations);
    case T_VacuumStmt:
      return look_for_each(script, reinterpret_cast<const VacuumStmt*>(tree)->rels);
    case T_DropStmt:
      return look_for_dropped(script, reinterpret_cast<const DropStmt*>(tree));
    default:
      return {};
  }
}

const char* qualified_name(const RangeVar* name) {
  return quote_qualified_identifier(name->schemaname, name->relname);
}

DoBody read_body(const DoStmt* statement) {
  DoBody body{nullptr, "plpgsql"};
  const char* text = nullptr;
  ListCell* cell = nullptr;
  foreach (cell, statement->args) {
    const auto* item = static_cast<const DefElem*>(lfirst(cell));
    if (strcmp(item->defname, "as") == 0) text = strVal(item->arg);
    if (strcmp(item->defname, "language") == 0) body.language = strVal(item->arg);
  }
  if (strcmp(body.language, "plpgsql") == 0) body.text = text;
  return body;
}

namespace {

const char* last_of(const List* names) { return strVal(llast(names)); }

const List* made_type(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateEnumStmt:
      return reinterpret_cast<const CreateEnumStmt*>(tree)->typeName;
    case T_CompositeTypeStmt:
      return list_make1(
          makeString(reinterpret_cast<const CompositeTypeStmt*>(tree)->typevar->relname));
    case T_CreateRangeStmt:
      return reinterpret_cast<const CreateRangeStmt*>(tree)->typeName;
    default:
      return NIL;
  }
}

bool stand_in(Node* node, ScriptTypes* types) {
  if (node == nullptr) return false;
  if (!IsA(node, TypeName)) return effects::walk_raw_expression(node, stand_in, types);
  auto* type = reinterpret_cast<TypeName*>(node);
  if (type->names == NIL) return false;
  if (effects::find_named(types->made, InvalidOid, last_of(type->names)) == NIL) return false;
  type->names = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("text")));
  return false;
}

}  // namespace

void note_type(ScriptTypes& types, const Node* tree) {
  const List* name = made_type(tree);
  if (name == NIL) return;
  List** known = effects::named(types.made, InvalidOid, last_of(name));
  if (*known == NIL) *known = list_make1(makeString(pstrdup(last_of(name))));
}

Node* with_known_types(ScriptTypes& types, Node* tree) {
  if (types.made.lists == nullptr || !IsA(tree, AlterTableStmt)) return tree;
  auto* copy = static_cast<AlterTableStmt*>(copyObjectImpl(tree));
  ListCell* cell = nullptr;
  foreach (cell, copy->cmds) {
    auto* command = static_cast<AlterTableCmd*>(lfirst(cell));
    if (command->subtype != AT_AddColumn) continue;
    auto* column = reinterpret_cast<ColumnDef*>(command->def);
    (void)stand_in(reinterpret_cast<Node*>(column->typeName), &types);
    ListCell* inner = nullptr;
    foreach (inner, column->constraints) {
      (void)stand_in(static_cast<Constraint*>(lfirst(inner))->raw_expr, &types);
    }
  }
  return reinterpret_cast<Node*>(copy);
}

}  // namespace db_guard::lint
