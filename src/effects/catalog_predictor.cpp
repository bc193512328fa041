#include "effects/catalog_predictor.hpp"

#include <algorithm>

#include "pg/call.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
}

namespace db_guard::effects {

namespace {

// What a person may have typed wrong, or may not do. All else is a defect or a lack of resources.
bool is_about_the_statement(int sqlstate) {
  switch (ERRCODE_TO_CATEGORY(sqlstate)) {
    case MAKE_SQLSTATE('0', 'A', '0', '0', '0'):
    case MAKE_SQLSTATE('2', '2', '0', '0', '0'):
    case MAKE_SQLSTATE('2', 'B', '0', '0', '0'):
    case MAKE_SQLSTATE('3', 'D', '0', '0', '0'):
    case MAKE_SQLSTATE('3', 'F', '0', '0', '0'):
    case MAKE_SQLSTATE('4', '2', '0', '0', '0'):
    case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
      return true;
    default:
      return false;
  }
}

Prediction predict_tree(const ScriptState* script, const Node* tree) {
  Prediction prediction{};
  prediction.script = script;
  try {
    pg::call([&] {
      // The analyses of the server write into what they analyse.
      predict_statement(prediction, static_cast<Node*>(copyObjectImpl(tree)));
    });
  } catch (const pg::PgError& error) {
    if (is_about_the_statement(error.sqlstate())) throw ddl::Refused{};
    throw;
  }
  // One that is refused under a lock has waited for it, and made others wait, all the same.
  if (prediction.refused != nullptr && prediction.effects == NIL) throw ddl::Refused{};
  return prediction;
}

struct LossRow {
  const char* kind;
  const char* name;
};

LossRow describe_loss(const ObjectAddress& address) {
  const char* name = getObjectIdentity(&address, true);
  if (name == nullptr) return {nullptr, nullptr};
  return {getObjectTypeDescription(&address, true), name};
}

// Sorted: the server walks them in no order.
ddl::Vector<ddl::Loss> losses_of(const Prediction& prediction) {
  ddl::Vector<ddl::Loss> losses;
  ListCell* cell = nullptr;
  foreach (cell, prediction.losses) {
    pg::check_for_interrupts();
    const auto& address = *static_cast<const ObjectAddress*>(lfirst(cell));
    const LossRow row = pg::call([&] { return describe_loss(address); });
    // Nobody else sees what is temporary, and only temporary schemas may have such a name.
    if (row.name == nullptr || strncmp(row.name, "pg_temp_", 8) == 0) continue;
    const bool is_relation = address.classId == RelationRelationId;
    losses.push_back(
        {ddl::Text(row.kind), ddl::Text(row.name), is_relation ? address.objectId : InvalidOid});
  }
  std::sort(losses.begin(), losses.end(), [](const ddl::Loss& a, const ddl::Loss& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.name < b.name;
  });
  return losses;
}

template <class From>
ddl::Work work_of(const From& from) {
  ddl::Work work;
  work.rewrite = from.rewrite;
  work.scan = from.scan;
  work.index_build = from.index_build;
  work.fk_check = from.fk_check;
  if (from.proof != nullptr) work.proof = from.proof;
  return work;
}

ddl::Effect effect_of(const RelationEffect& from) {
  ddl::Effect effect;
  static_cast<ddl::Work&>(effect) = work_of(from);
  effect.relation = from.relation;
  effect.lock = static_cast<ddl::Lock>(from.lock);
  return effect;
}

void add(const ddl::Work& more, ddl::Work& sum) {
  sum.rewrite |= more.rewrite;
  sum.scan |= more.scan;
  sum.index_build |= more.index_build;
  sum.fk_check |= more.fk_check;
  if (sum.proof.empty()) sum.proof = more.proof;
}

// Of any other command than ALTER TABLE, an action calls for all that is done.
ddl::Work work_of_action(const Prediction& prediction, const ddl::Effects& effects,
                         const ddl::Action& action) {
  ddl::Work sum;
  ListCell* cell = nullptr;
  foreach (cell, prediction.work) {
    const auto* work = static_cast<const CommandWork*>(lfirst(cell));
    if (work->command == action.command) return work_of(*work);
  }
  for (const ddl::Effect& effect : effects.relations) add(effect, sum);
  return sum;
}

}  // namespace

ddl::Effects CatalogPredictor::predict(const ddl::Statement& statement) {
  const Prediction prediction = predict_tree(script_, static_cast<const Node*>(statement.tree));
  ddl::Effects effects;
  ListCell* cell = nullptr;
  foreach (cell, prediction.effects) {
    effects.relations.push_back(effect_of(*static_cast<const RelationEffect*>(lfirst(cell))));
  }
  effects.losses = losses_of(prediction);
  for (const ddl::Action& action : statement.actions) {
    effects.actions.push_back(work_of_action(prediction, effects, action));
  }
  last_ = std::move(effects);
  return last_;
}

}  // namespace db_guard::effects
