// What the server does in the world of a test: simple rules of thumb over FakeFacts, where the room
// `effects` knows it exactly.
#pragma once

#include <set>

#include "ddl/effects.hpp"
#include "fake_facts.hpp"

namespace db_guard {

class FakePredictor : public ddl::Predictor {
 public:
  explicit FakePredictor(FakeFacts& facts) : facts_(facts) {}

  ddl::Lock lock = ddl::Lock::kAccessExclusive;
  std::optional<ddl::Work> work;           // of every action, instead of the rule of thumb
  std::vector<ddl::Effect> other_effects;  // on further relations
  std::vector<ddl::Loss> losses;
  std::set<std::uint32_t> untouched;  // relations that the statement leaves alone
  bool refuses = false;
  int asked = 0;

  ddl::Effects predict(const ddl::Statement& statement) override {
    asked++;
    if (refuses) throw ddl::Refused{};
    ddl::Effects effects;
    for (const ddl::Action& action : statement.actions) effects.actions.push_back(work_of(action));
    for (const ddl::Relation& relation : facts_.relations) {
      if (untouched.count(relation.id) > 0) continue;
      ddl::Effect effect;
      if (!effects.actions.empty()) static_cast<ddl::Work&>(effect) = effects.actions.front();
      effect.relation = relation.id;
      effect.lock = lock;
      effects.relations.push_back(effect);
    }
    effects.losses = {losses.begin(), losses.end()};
    effects.relations.insert(effects.relations.end(), other_effects.begin(), other_effects.end());
    return effects;
  }

 private:
  [[nodiscard]] ddl::Work work_of(const ddl::Action& action) const {
    if (work) return *work;
    return usual_work_of(action);
  }

  [[nodiscard]] ddl::Work usual_work_of(const ddl::Action& action) const {
    ddl::Work usual;
    switch (action.kind) {
      case ddl::ActionKind::kAddColumn:
        usual.rewrite = facts_.added.volatile_default || facts_.added.serial ||
                        facts_.added.identity || facts_.added.stored_generated ||
                        facts_.added.constrained_domain;
        usual.scan = !usual.rewrite && facts_.added.not_null && !facts_.added.has_default;
        usual.index_build = action.key.unique;
        break;
      case ddl::ActionKind::kSetColumnType:
        usual.rewrite = facts_.change.rewrite;
        usual.index_build = !facts_.change.rebuilt_indexes.empty();
        usual.scan = !usual.rewrite && !facts_.change.checked.empty();
        usual.fk_check = facts_.change.foreign_keys_checked;
        break;
      case ddl::ActionKind::kSetNotNull:
        usual.scan = true;
        break;
      case ddl::ActionKind::kAddPrimaryKey:
      case ddl::ActionKind::kAddUnique:
        usual.index_build = action.key.existing_index.empty();
        break;
      case ddl::ActionKind::kAddExclusion:
      case ddl::ActionKind::kCreateIndex:
      case ddl::ActionKind::kReindexIndex:
      case ddl::ActionKind::kReindexMany:
      case ddl::ActionKind::kReindexTable:
        usual.index_build = true;
        break;
      case ddl::ActionKind::kAddCheck:
      case ddl::ActionKind::kAddDomainConstraint:
        usual.scan = !action.not_valid;
        break;
      case ddl::ActionKind::kSetDomainNotNull:
      case ddl::ActionKind::kValidateConstraint:
      case ddl::ActionKind::kValidateDomainConstraint:
        usual.scan = true;
        break;
      case ddl::ActionKind::kAddForeignKey:
        usual.fk_check = !action.not_valid;
        break;
      case ddl::ActionKind::kAlterConstraint:
        usual.fk_check = true;
        break;
      default:
        break;
    }
    return usual;
  }

  FakeFacts& facts_;
};

}  // namespace db_guard
