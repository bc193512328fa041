#include "effects/statements.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool is_owned_by(const DefElem* option) { return strcmp(option->defname, "owned_by") == 0; }

void lock_owner(Prediction& prediction, const List* options) {
  ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    if (!is_owned_by(option)) continue;
    List* names = castNode(List, option->arg);
    if (list_length(names) < 2) continue;  // NONE
    const RangeVar* table =
        makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1));
    add_lock(prediction, need_relation(prediction, table, false), AccessShareLock);
  }
}

void predict_create(Prediction& prediction, const CreateSeqStmt* create) {
  if (OidIsValid(find_namesake(prediction, create->sequence))) {
    if (!create->if_not_exists) {
      server_refuses(prediction,
                     psprintf("relation \"%s\" already exists", create->sequence->relname));
    }
    return;
  }
  lock_owner(prediction, create->options);
}

bool says_owned_by(const AlterSeqStmt* alter) {
  ListCell* cell = nullptr;
  foreach (cell, alter->options) {
    if (is_owned_by(static_cast<const DefElem*>(lfirst(cell)))) return true;
  }
  return false;
}

void predict_alter(Prediction& prediction, const AlterSeqStmt* alter) {
  const Oid sequence = need_relation(prediction, alter->sequence, alter->missing_ok);
  if (!OidIsValid(sequence)) return;
  if (get_rel_relkind(sequence) != RELKIND_SEQUENCE) {
    server_refuses(prediction, psprintf("\"%s\" is not a sequence", alter->sequence->relname));
    return;
  }
  Oid owner = InvalidOid;
  int32 column = 0;
  if (sequenceIsOwned(sequence, DEPENDENCY_INTERNAL, &owner, &column) && says_owned_by(alter))
    server_refuses(prediction, "cannot change ownership of identity sequence");
  RelationEffect* effect = add_lock(prediction, sequence, ShareRowExclusiveLock);
  ListCell* cell = nullptr;
  foreach (cell, alter->options) {
    if (!is_owned_by(static_cast<const DefElem*>(lfirst(cell)))) effect->rewrite = true;
  }
  lock_owner(prediction, alter->options);
}

}  // namespace

bool predict_sequence(Prediction& prediction, Node* tree) {
  if (IsA(tree, CreateSeqStmt)) {
    predict_create(prediction, castNode(CreateSeqStmt, tree));
    return true;
  }
  if (!IsA(tree, AlterSeqStmt)) return false;
  predict_alter(prediction, castNode(AlterSeqStmt, tree));
  return true;
}

}  // namespace db_guard::effects
