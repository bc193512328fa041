#include "rules/steps.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-primary-key";

bool builds_an_index(const Context& context) {
  const auto& action = context.action;
  if (!context.work.index_build) return false;
  if (action.kind == ddl::ActionKind::kAddColumn) return action.key.unique && action.key.primary;
  return action.kind == ddl::ActionKind::kAddPrimaryKey;
}

// The index is there, but a key column may hold NULL.
bool scans_for_nulls(const Context& context) {
  return context.action.kind == ddl::ActionKind::kAddPrimaryKey && context.work.scan &&
         !context.action.key.existing_index.empty();
}

void append_not_null_steps_of(const Context& context, const ddl::Index& index,
                              Vector<Text>& steps) {
  for (const Text& name : context.facts.key_index(context.relation(), index).columns) {
    const auto column = context.facts.column(context.relation(), name);
    if (column && !column->not_null) append_not_null_steps(context, name, steps);
  }
  if (!context.action.clause.empty()) steps.push_back(alter_step(context, context.action.clause));
}

void report_scan(const Context& context, Findings& findings) {
  const auto index =
      context.facts.index({context.relation().schema, context.action.key.existing_index});
  if (!index) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"making ", index->display,
                            " the primary key takes ACCESS EXCLUSIVE on ", table_with_size(context),
                            " and scans every row; reads and writes wait until it is done"});
  finding.detail = Text(
      "A column of the index may hold NULL, and no validated CHECK constraint proves that it does "
      "not. With NOT NULL in place the rest is brief.");
  append_not_null_steps_of(context, *index, finding.safe_sql);
  findings.push_back(std::move(finding));
}

void check(const Context& context, Findings& findings) {
  const ddl::KeySpec& key = context.action.key;
  if (is_small(context)) return;
  if (scans_for_nulls(context)) report_scan(context, findings);
  if (!builds_an_index(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = key.name;
  finding.message = concat({"adding a primary key on (", quoted_list(context.facts, key.columns),
                            ") takes ACCESS EXCLUSIVE on ", table_with_size(context),
                            " and builds an index; reads and writes wait until it is done"});
  finding.detail =
      Text(context.work.scan ? "A key column may hold NULL, so every row is read for that too."
                             : "The index can be built beforehand with writes going on.");
  if (key.without_overlaps) {
    finding.detail.append(" A WITHOUT OVERLAPS key has no online way: plan a window.");
  } else if (context.action.kind == ddl::ActionKind::kAddColumn) {
    append_added_column_steps(context, finding.safe_sql);
  } else {
    append_key_steps(context, "PRIMARY KEY", finding.safe_sql);
  }
  finding.detail.append(duplicates_text(context));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_primary_key;
constexpr Rule add_primary_key = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Adding a primary key",
    "Takes ACCESS EXCLUSIVE and builds an index over the whole table; nullable key "
    "columns are scanned for NULL as well, also where the index is there already (USING INDEX).",
    "Reads and writes wait for the index build, and when equal keys or NULLs exist it "
    "fails at its end.",
    "Give the columns NOT NULL by way of a validated CHECK, CREATE UNIQUE INDEX "
    "CONCURRENTLY, then ADD CONSTRAINT ... PRIMARY KEY USING INDEX, which is brief.",
    "CREATE TABLE events (id bigint NOT NULL, payload text);\nINSERT INTO events SELECT "
    "g FROM generate_series(1, 1000) g;",
    "ALTER TABLE events ADD PRIMARY KEY (id);",
    "CREATE UNIQUE INDEX CONCURRENTLY events_pkey ON events (id);\nALTER TABLE events "
    "ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_pkey;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "index build",
    {ddl::ActionKind::kAddColumn, ddl::ActionKind::kAddPrimaryKey},
    check,
};

}  // namespace db_guard::rules
