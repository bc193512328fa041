// RENAME and SET SCHEMA of relations and what belongs to them.
#include "effects/alteration.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool is_index(Oid relation) {
  const char kind = get_rel_relkind(relation);
  return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
}

bool cannot_alter(Prediction& prediction, Oid relation, const RangeVar* name, bool missing_ok) {
  if (OidIsValid(relation)) {
    const char* refusal = why_not_altered(relation);
    if (refusal != nullptr) server_refuses(prediction, refusal);
    return refusal != nullptr;
  }
  if (!missing_ok) {
    server_refuses(prediction, psprintf("relation \"%s\" does not exist", name->relname));
  }
  return true;
}

void lock_family(Prediction& prediction, Oid relation, bool recurse) {
  List* tables = recurse ? family_of(relation) : list_make1_oid(relation);
  ListCell* cell = nullptr;
  foreach (cell, tables) add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
}

void refuse_only(Prediction& prediction, Oid relation, bool recurse, const char* message) {
  if (recurse || find_inheritance_children(relation, NoLock) == NIL) return;
  server_refuses(prediction, message);
}

void rename_relation(Prediction& prediction, Oid relation, const RenameStmt* statement) {
  // ALTER INDEX renames tables, too.
  const ObjectType type = statement->renameType;
  if (type != OBJECT_INDEX && !is_of_kind(type, get_rel_relkind(relation))) {
    server_refuses(prediction, "the relation is of another kind");
    return;
  }
  if (OidIsValid(get_relname_relid(statement->newname, get_rel_namespace(relation)))) {
    server_refuses(prediction, psprintf("relation \"%s\" already exists", statement->newname));
    return;
  }
  // Only ALTER INDEX takes less.
  const bool as_index = statement->renameType == OBJECT_INDEX && is_index(relation);
  add_lock(prediction, relation, as_index ? ShareUpdateExclusiveLock : AccessExclusiveLock);
}

void rename_column(Prediction& prediction, Oid relation, const RenameStmt* statement) {
  if (get_attnum(relation, statement->subname) == InvalidAttrNumber) {
    server_refuses(prediction, psprintf("column \"%s\" does not exist", statement->subname));
    return;
  }
  if (get_attnum(relation, statement->newname) != InvalidAttrNumber) {
    server_refuses(prediction, psprintf("column \"%s\" of relation \"%s\" already exists",
                                        statement->newname, get_rel_name(relation)));
    return;
  }
  if (has_other_source(relation, statement->subname)) {
    server_refuses(prediction,
                   psprintf("cannot rename inherited column \"%s\"", statement->subname));
    return;
  }
  if (is_typed_table(relation)) {
    server_refuses(prediction, "cannot rename column of typed table");
    return;
  }
  const bool recurse = statement->relation->inh;
  refuse_only(prediction, relation, recurse,
              "inherited column must be renamed in child tables too");
  lock_family(prediction, relation, recurse);
  Alteration alteration{prediction, AccessExclusiveLock, recurse};
  ListCell* cell = nullptr;
  foreach (cell, typed_tables(alteration, relation, statement->behavior)) {
    lock_family(prediction, lfirst_oid(cell), true);
  }
}

void rename_constraint(Prediction& prediction, Oid relation, const RenameStmt* statement) {
  const ConstraintFacts* facts = find_constraint(relation, statement->subname);
  if (facts == nullptr) {
    server_refuses(prediction, psprintf("constraint \"%s\" for table \"%s\" does not exist",
                                        statement->subname, get_rel_name(relation)));
    return;
  }
  const bool inherited =
      (facts->type == CONSTRAINT_CHECK || facts->type == 'n') && !facts->no_inherit;
  if (inherited && facts->inherit_count > 0) {
    server_refuses(prediction,
                   psprintf("cannot rename inherited constraint \"%s\"", statement->subname));
    return;
  }
  add_lock(prediction, relation, AccessExclusiveLock);
  if (inherited) {
    const bool recurse = statement->relation->inh;
    refuse_only(prediction, relation, recurse,
                "inherited constraint must be renamed in child tables too");
    lock_family(prediction, relation, recurse);
  }
  const bool has_index = OidIsValid(facts->index) && facts->type != CONSTRAINT_FOREIGN;
  if (has_index) add_lock(prediction, facts->index, ShareUpdateExclusiveLock);
}

void rename_part(Prediction& prediction, Oid relation, const RenameStmt* statement) {
  switch (statement->renameType) {
    case OBJECT_COLUMN:
    case OBJECT_ATTRIBUTE:
      rename_column(prediction, relation, statement);
      break;
    case OBJECT_TABCONSTRAINT:
      rename_constraint(prediction, relation, statement);
      break;
    case OBJECT_TRIGGER:
      // Those that were cloned into partitions get the name as well.
      lock_family(prediction, relation, get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE);
      break;
    case OBJECT_RULE:
    case OBJECT_POLICY:
      add_lock(prediction, relation, AccessExclusiveLock);
      break;
    default:
      rename_relation(prediction, relation, statement);
      break;
  }
}

bool is_about_relations(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_COLUMN:
    case OBJECT_ATTRIBUTE:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool predict_rename(Prediction& prediction, const RenameStmt* statement) {
  if (!is_about_relations(statement->renameType) || statement->relation == nullptr) return false;
  const Oid relation = find_relation(prediction, statement->relation);
  if (cannot_alter(prediction, relation, statement->relation, statement->missing_ok)) {
    return true;
  }
  rename_part(prediction, relation, statement);
  return true;
}

bool predict_set_schema(Prediction& prediction, const AlterObjectSchemaStmt* statement) {
  if (!is_about_relations(statement->objectType) || statement->relation == nullptr) return false;
  const Oid relation = find_relation(prediction, statement->relation);
  if (cannot_alter(prediction, relation, statement->relation, statement->missing_ok)) {
    return true;
  }
  const Oid schema = get_namespace_oid(statement->newschema, false);
  CheckSetNamespace(get_rel_namespace(relation), schema);
  add_lock(prediction, relation, AccessExclusiveLock);
  ListCell* cell = nullptr;
  foreach (cell, getOwnedSequences(relation)) {
    add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
  return true;
}

}  // namespace db_guard::effects
