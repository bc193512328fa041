#include "rules/steps_constraints.hpp"

#include "core/sql_text.hpp"
#include "core/text.hpp"

namespace db_guard::rules {

using core::concat;

Text named_clause(const ddl::Action& action, std::string_view quoted_name) {
  const std::string_view clause = action.clause;
  if (!action.constraint.empty() || clause.empty()) return Text(clause);
  const std::size_t end = core::end_of_token(clause, core::skip_blanks(clause, 0));
  return concat({clause.substr(0, end), " CONSTRAINT ", quoted_name, clause.substr(end)});
}

Text clause_with(std::string_view clause, std::string_view words) {
  const std::size_t end = core::end_of_code(clause);
  return concat({clause.substr(0, end), " ", words, clause.substr(end)});
}

Text alter_step(std::string_view table, std::string_view clause) {
  // A comment at the end must not swallow the semicolon.
  const bool commented = core::end_of_code(clause) < clause.size();
  return concat({"ALTER TABLE ", table, " ", clause, commented ? "\n;" : ";"});
}

Text alter_step(const Context& context, std::string_view clause) {
  return alter_step(concat({context.action.only ? "ONLY " : "", context.relation().display}),
                    clause);
}

namespace {

constexpr std::size_t kLongestName = 63;

// The server stops adding columns where the name is full.
Text joined_columns(const Vector<Text>& columns) {
  Text joined;
  for (const Text& column : columns) {
    if (joined.size() > kLongestName) break;
    joined.append(joined.empty() ? "" : "_").append(column);
  }
  return joined;
}

Text validate_clause(std::string_view quoted_name) {
  return concat({"VALIDATE CONSTRAINT ", quoted_name});
}

// Each partition's own key, checked under a weak lock; the parent's then takes them over.
void append_partition_keys(const Context& context, const ddl::Relation& parent,
                           std::string_view clause, std::string_view quoted_name,
                           Vector<Text>& steps) {
  for (const ddl::Relation& child : context.facts.partitions(parent)) {
    if (child.partitioned()) {
      append_partition_keys(context, child, clause, quoted_name, steps);
    } else if (child.has_rows()) {
      steps.push_back(alter_step(child.display, clause_with(clause, "NOT VALID")));
      steps.push_back(alter_step(child.display, validate_clause(quoted_name)));
    }
  }
}

bool takes_not_valid(const Context& context) {
  return !context.relation().partitioned() ||
         context.action.kind != ddl::ActionKind::kAddForeignKey ||
         context.facts.server_major() >= 18;
}

}  // namespace

Text new_constraint_name(const Context& context) {
  const ddl::Action& action = context.action;
  ddl::Facts& facts = context.facts;
  if (!action.constraint.empty()) return action.constraint;
  if (action.kind == ddl::ActionKind::kAddForeignKey) {
    return facts.free_name(context.relation(), joined_columns(action.key.columns), "fkey");
  }
  return facts.free_name(context.relation(), facts.check_facts(context.relation(), action).column,
                         "check");
}

void append_validated_steps(const Context& context, Vector<Text>& steps) {
  if (context.action.clause.empty()) return;
  const Text name = context.facts.quote(new_constraint_name(context));
  const Text clause = named_clause(context.action, name);
  if (takes_not_valid(context)) {
    steps.push_back(alter_step(context, clause_with(clause, "NOT VALID")));
    steps.push_back(alter_step(context, validate_clause(name)));
    return;
  }
  append_partition_keys(context, context.relation(), clause, name, steps);
  steps.push_back(alter_step(context, clause));
}

}  // namespace db_guard::rules
