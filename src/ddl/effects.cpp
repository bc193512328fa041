#include "ddl/effects.hpp"

namespace db_guard::ddl {

namespace {

void predict_add_column(const Action& action, Facts& facts, ActionEffect& effect) {
  effect.lock = Lock::kAccessExclusive;
  if (!effect.relation.has_rows()) return;
  effect.added = facts.new_column(effect.relation, action);
  const NewColumn& added = *effect.added;
  if (added.exists) return;
  effect.rewrite = added.volatile_default || added.serial || added.identity ||
                   added.stored_generated || added.constrained_domain;
  effect.index_build = effect.rewrite || action.key.unique;
}

void predict_set_type(const Action& action, Facts& facts, ActionEffect& effect) {
  effect.lock = Lock::kAccessExclusive;
  effect.column = facts.column(effect.relation, action.column);
  if (!effect.column || !effect.relation.has_rows()) return;
  effect.type_change = facts.type_change(effect.relation, action);
  const TypeChange& change = *effect.type_change;
  if (change.refused) return;
  effect.rewrite = change.rewrite;
  effect.index_build = change.rewrite || !change.rebuilt_indexes.empty();
  effect.scan = !change.rewrite && !change.checked.empty();
  effect.fk_check = change.foreign_keys_checked;
}

void predict_set_not_null(const Action& action, Facts& facts, ActionEffect& effect) {
  effect.lock = Lock::kAccessExclusive;
  effect.column = facts.column(effect.relation, action.column);
  if (!effect.relation.has_rows() || effect.touches_no_rows()) return;
  // No such column yet: an earlier action of the statement adds it, and its rows are verified.
  if (!effect.column) {
    effect.scan = true;
    return;
  }
  if (effect.column->not_null) return;
  effect.proof = facts.not_null_proof(effect.relation, *effect.column);
  effect.scan = effect.proof.empty();
}

bool has_nullable_key_column(const Action& action, const Relation& relation, Facts& facts) {
  for (const Text& name : action.key.columns) {
    const auto column = facts.column(relation, name);
    if (column && !column->not_null && facts.not_null_proof(relation, *column).empty()) return true;
  }
  return false;
}

void predict_key(const Action& action, Facts& facts, ActionEffect& effect) {
  effect.lock = Lock::kAccessExclusive;
  const bool primary = action.kind == ActionKind::kAddPrimaryKey;
  if (effect.touches_no_rows()) return;
  effect.index_build = action.key.existing_index.empty();
  effect.scan = primary && has_nullable_key_column(action, effect.relation, facts);
}

void predict_create_index(const Action& action, ActionEffect& effect) {
  effect.lock = action.key.concurrently ? Lock::kShareUpdateExclusive : Lock::kShare;
  effect.index_build = !effect.touches_no_rows();
}

}  // namespace

ActionEffect predict(const Action& action, const Relation& relation, Facts& facts) {
  ActionEffect effect;
  effect.relation = relation;
  switch (action.kind) {
    case ActionKind::kAddColumn:
      predict_add_column(action, facts, effect);
      break;
    case ActionKind::kSetColumnType:
      predict_set_type(action, facts, effect);
      break;
    case ActionKind::kSetNotNull:
      predict_set_not_null(action, facts, effect);
      break;
    case ActionKind::kAddPrimaryKey:
    case ActionKind::kAddUnique:
      predict_key(action, facts, effect);
      break;
    case ActionKind::kCreateIndex:
      predict_create_index(action, effect);
      break;
    case ActionKind::kDropIndex:
      effect.lock = action.concurrently ? Lock::kShareUpdateExclusive : Lock::kAccessExclusive;
      break;
    case ActionKind::kDropColumn:
    case ActionKind::kRenameColumn:
    case ActionKind::kRenameRelation:
      effect.lock = Lock::kAccessExclusive;
      break;
  }
  return effect;
}

}  // namespace db_guard::ddl
