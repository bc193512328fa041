#include "rules/packs.hpp"

#include <algorithm>

#include "rules/registry.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

namespace {

using ddl::Declaration;
using ddl::DeclarationKind;

bool is_about_table(DeclarationKind kind) {
  return ddl::has_existing_table(kind) || kind == DeclarationKind::kTable;
}

// Nobody designs a temporary table for others to read, and one that takes its shape from elsewhere
// is not designed here.
bool is_own_design(const Declaration& declaration) {
  return !declaration.table.temporary && !declaration.table.derived;
}

void apply_rules(const Review& review, Findings& findings) {
  if (!is_own_design(review.declaration)) return;
  for (const Rule* rule : all_rules()) {
    if (rule->review == nullptr || !rule->declares.has(review.declaration.kind)) continue;
    if (review.choices.packs.has(rule->family)) rule->review(review, findings);
  }
}

Review review_as_written(const ddl::Declarations& declarations, const Declaration& declaration,
                         const Choices& choices) {
  const ddl::ObjectName& target = declaration.target;
  const bool about_table = is_about_table(declaration.kind);
  return {declarations,
          declaration,
          choices,
          declarations.text,
          declaration.display,
          target.schema,
          about_table ? std::string_view(target.name) : std::string_view()};
}

// What is in no schema has none, wherever the search_path points.
bool is_in_schema(DeclarationKind kind) {
  return kind != DeclarationKind::kExtension && kind != DeclarationKind::kGrant;
}

void review_new(Review review, ddl::Facts& facts, Findings& findings) {
  Text schema;
  if (review.schema.empty() && is_in_schema(review.declaration.kind)) {
    schema = facts.creation_schema();
    review.schema = schema;
    if (schema.compare(0, 8, "pg_temp_") == 0) return;
  }
  apply_rules(review, findings);
}

void review_existing(Review review, ddl::Facts& facts, Findings& findings) {
  const auto relation = facts.relation(review.declaration.target);
  if (!relation || relation->temporary || !relation->owned) return;
  review.object = relation->display;
  review.schema = relation->schema;
  review.table = relation->name;
  apply_rules(review, findings);
}

void sort_by_severity(Findings& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
}

}  // namespace

Findings review(const ddl::Declarations& declarations, const Choices& choices) {
  Findings findings;
  for (const Declaration& declaration : declarations.items) {
    apply_rules(review_as_written(declarations, declaration, choices), findings);
  }
  sort_by_severity(findings);
  return findings;
}

Findings review(const ddl::Declarations& declarations, const Choices& choices, ddl::Facts& facts) {
  Findings findings;
  for (const Declaration& declaration : declarations.items) {
    const Review review = review_as_written(declarations, declaration, choices);
    if (ddl::has_existing_table(declaration.kind)) {
      review_existing(review, facts, findings);
    } else {
      review_new(review, facts, findings);
    }
  }
  sort_by_severity(findings);
  return findings;
}

}  // namespace db_guard::rules
