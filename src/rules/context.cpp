#include "rules/rule.hpp"

namespace db_guard::rules {

namespace {

std::size_t place_of(const ddl::Statement& statement, const ddl::Action& action) {
  return std::size_t(&action - statement.actions.data());
}

}  // namespace

Context::Context(const ddl::Statement& statement_, const ddl::Effects& effects_, ddl::Facts& facts_,
                 const ddl::Action& action_, const ddl::Relation& relation,
                 std::uint64_t small_table_size_)
    : statement(statement_),
      effects(effects_),
      facts(facts_),
      action(action_),
      work(effects_.actions.at(place_of(statement_, action_))),
      lock(effects_.on(relation.id).lock),
      small_table_size(small_table_size_),
      relation_(relation) {}

std::uint64_t Context::bytes_at_work() const {
  std::uint64_t bytes = 0;
  for (const ddl::Effect& effect : effects.relations) {
    if (!effect.is_long()) continue;
    auto relation = facts.relation_by_id(effect.relation);
    if (!relation) continue;
    // Its partitions have rows of their own.
    relation->only = true;
    bytes += facts.size(*relation).bytes;
  }
  return bytes;
}

const std::optional<ddl::Column>& Context::column() const {
  if (!looked_for_column_) column_ = facts.column(relation_, action.column);
  looked_for_column_ = true;
  return column_;
}

const ddl::NewColumn& Context::added() const {
  if (!added_) added_ = facts.new_column(action);
  return *added_;
}

const ddl::TypeChange& Context::type_change() const {
  if (!type_change_) type_change_ = facts.type_change(relation_, action);
  return *type_change_;
}

const ddl::Misfits& Context::misfits() const {
  if (!misfits_) misfits_ = facts.misfits(relation_, action);
  return *misfits_;
}

}  // namespace db_guard::rules
