#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-unique-constraint";

bool builds_an_index(const Context& context) {
  const auto& action = context.action;
  if (!context.work.index_build) return false;
  if (action.kind == ddl::ActionKind::kAddColumn) return action.key.unique && !action.key.primary;
  return action.kind == ddl::ActionKind::kAddUnique;
}

void append_steps(const Context& context, Vector<Text>& steps) {
  if (context.action.kind == ddl::ActionKind::kAddColumn) {
    append_added_column_steps(context, steps);
  } else {
    append_key_steps(context, "UNIQUE", steps);
  }
}

void check(const Context& context, Findings& findings) {
  const ddl::KeySpec& key = context.action.key;
  if (!builds_an_index(context) || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = key.name;
  finding.message =
      concat({"adding a unique constraint on (", quoted_list(context.facts, key.columns),
              ") takes ACCESS EXCLUSIVE on ", table_with_size(context),
              " and builds an index; reads and writes wait until it is done"});
  if (key.without_overlaps) {
    finding.detail = Text("A WITHOUT OVERLAPS constraint has no online way: plan a window.");
  } else {
    finding.detail = Text("The index can be built beforehand with writes going on.");
    append_steps(context, finding.safe_sql);
  }
  finding.detail.append(duplicates_text(context));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_unique_constraint;
constexpr Rule add_unique_constraint = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Adding a unique constraint",
    "Takes ACCESS EXCLUSIVE and builds an index over the whole table.",
    "Reads and writes wait for the index build, and when equal keys exist it fails at "
    "its end.",
    "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... UNIQUE USING INDEX, which "
    "is brief. On a partitioned table: the constraint on the parent ONLY, an index for "
    "each partition, then ATTACH.",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);\nINSERT INTO users SELECT "
    "g, g::text FROM generate_series(1, 1000) g;",
    "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);",
    "CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);\nALTER TABLE "
    "users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "index build",
    {ddl::ActionKind::kAddColumn, ddl::ActionKind::kAddUnique},
    check,
};

}  // namespace db_guard::rules
