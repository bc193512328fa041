#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-index-redundant";

// IF NOT EXISTS over an index that is there does nothing.
bool is_already_there(const Context& context) {
  const ddl::KeySpec& key = context.action.key;
  if (!key.if_not_exists || key.name.empty()) return false;
  return context.facts.index({context.relation().schema, key.name}).has_value();
}

void check(const Context& context, Findings& findings) {
  if (is_small(context) || is_already_there(context)) return;
  const auto similar = context.facts.similar_index(context.relation(), context.action);
  if (!similar) return;
  Finding finding = make_finding(context, kSlug, similar->same ? Severity::kWarn : Severity::kNote);
  add_evidence(finding, "index", similar->display);
  finding.message = concat({"the new index of ", table_with_size(context),
                            similar->same ? " does what " : " does nothing that ", similar->display,
                            similar->same ? " does already" : " does not do already"});
  finding.detail = Text(
      similar->same
          ? "Every write would pay for both. To get rid of a bloated index, REINDEX CONCURRENTLY "
            "builds it anew under its own name."
          : "The other index leads with the same columns. One over fewer columns is smaller, which "
            "now and then is worth what every write pays for it.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_index_redundant;
constexpr Rule create_index_redundant = {
    kSlug,
    "indexes",
    Severity::kWarn,
    "An index that is there already",
    "Another valid index has the same columns in the same order, with the same operator classes, "
    "collations and sort order. That is a WARNING; where the other one goes on with further "
    "columns "
    "it is an entry in the log. Indexes with expressions or WHERE are not compared.",
    "It costs a build, its space, and time on every INSERT and UPDATE, and serves no query that "
    "the "
    "other one does not serve.",
    "Leave it out. To get rid of bloat, REINDEX INDEX CONCURRENTLY.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE INDEX orders_total_idx ON orders "
    "(total);",
    "CREATE INDEX CONCURRENTLY orders_total_again ON orders (total);",
    "CREATE INDEX CONCURRENTLY orders_total_desc ON orders (total DESC NULLS LAST);",
    "0.1.0",
    ddl::Lock::kShareUpdateExclusive,
    "index build",
    {ddl::ActionKind::kCreateIndex},
    check,
};

}  // namespace db_guard::rules
