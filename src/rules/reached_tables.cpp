#include "rules/reached_tables.hpp"

#include <algorithm>

namespace db_guard::rules {

namespace {

std::optional<Reached> visible_table(const Context& context, const ddl::Effect& effect) {
  auto relation = context.facts.relation_by_id(effect.relation);
  if (!relation || !relation->has_rows()) return std::nullopt;
  if (relation->temporary || relation->created_in_transaction) return std::nullopt;
  return Reached{std::move(*relation), effect};
}

}  // namespace

Vector<Reached> other_tables(const Context& context) {
  Vector<Reached> tables;
  for (const ddl::Effect& effect : context.effects.relations) {
    if (effect.relation == context.relation().id) continue;
    auto table = visible_table(context, effect);
    if (table && !table->relation.is_partition) tables.push_back(std::move(*table));
  }
  return tables;
}

Vector<Reached> tables_at_work(const Context& context) {
  Vector<Reached> tables;
  for (const ddl::Effect& effect : context.effects.relations) {
    if (!effect.is_long()) continue;
    auto table = visible_table(context, effect);
    if (!table) continue;
    // Its partitions have rows of their own, and effects of their own.
    table->relation.only = true;
    tables.push_back(std::move(*table));
  }
  return tables;
}

bool would_queue(const Context& context, const Vector<Reached>& tables) {
  if (context.facts.lock_timeout_ms() != 0) return false;
  return std::any_of(tables.begin(), tables.end(), [&](const Reached& table) {
    return !context.facts.sessions_in_the_way(table.relation, table.effect.lock).empty();
  });
}

bool may_be_building(const Context& context) {
  return !context.facts.sessions_in_the_way(context.relation(), ddl::Lock::kShareUpdateExclusive)
              .empty();
}

}  // namespace db_guard::rules
