// What db_guard's own row audit does when partitions of an audited table come and go: it looks at
// the others, and records the rows.
#include "effects/prediction.hpp"
#include "pg/own_function.hpp"

extern "C" {
#include "catalog/partition.h"
#include "nodes/pg_list.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"
}

namespace db_guard::effects {

namespace {

bool is_audited(Oid relation) {
  ::Relation table = OidIsValid(relation) ? RelationIdGetRelation(relation) : nullptr;
  if (table == nullptr) return false;
  const TriggerDesc* triggers = table->trigdesc;
  bool found = false;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    found = found || pg::is_own_function(triggers->triggers[i].tgfoid, "audit_statement");
  }
  RelationClose(table);
  return found;
}

Oid root_of(Oid relation) {
  List* ancestors = get_partition_ancestors(relation);
  return ancestors != NIL ? llast_oid(ancestors) : relation;
}

void record_rows(Prediction& prediction, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) {
    if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_RELATION) continue;
    add_lock(prediction, lfirst_oid(cell), AccessShareLock)->scan = true;
  }
}

void look_at_members(Prediction& prediction, Oid relation) {
  lock_family(prediction, root_of(relation), AccessShareLock);
}

void follow_partition(Prediction& prediction, Oid relation, const AlterTableCmd* command) {
  const bool attaches = command->subtype == AT_AttachPartition;
  if (!attaches && command->subtype != AT_DetachPartition) return;
  const auto* partition = castNode(PartitionCmd, command->def);
  look_at_members(prediction, relation);
  record_rows(prediction, find_relation(prediction, partition->name));
}

void follow_alter_table(Prediction& prediction, const AlterTableStmt* statement) {
  const Oid relation = find_relation(prediction, statement->relation);
  if (statement->objtype != OBJECT_TABLE || !is_audited(relation)) return;
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    follow_partition(prediction, relation, lfirst_node(AlterTableCmd, cell));
  }
}

void follow_create_table(Prediction& prediction, const CreateStmt* statement) {
  if (statement->partbound == nullptr) return;
  const auto* parent = linitial_node(RangeVar, statement->inhRelations);
  const Oid relation = find_relation(prediction, parent);
  if (is_audited(relation)) look_at_members(prediction, relation);
}

// A whole table that goes takes its story no further.
void follow_drop(Prediction& prediction, const DropStmt* statement) {
  if (statement->removeType != OBJECT_TABLE) return;
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    const Oid relation = find_relation(prediction, lfirst_node(List, cell));
    if (is_audited(relation) && get_rel_relispartition(relation)) record_rows(prediction, relation);
  }
}

}  // namespace

void predict_row_audit(Prediction& prediction, Node* tree) {
  if (prediction.refused != nullptr || prediction.unknown != nullptr) return;
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      return follow_alter_table(prediction, reinterpret_cast<AlterTableStmt*>(tree));
    case T_CreateStmt:
      return follow_create_table(prediction, reinterpret_cast<CreateStmt*>(tree));
    case T_DropStmt:
      return follow_drop(prediction, reinterpret_cast<DropStmt*>(tree));
    default:
      return;
  }
}

}  // namespace db_guard::effects
