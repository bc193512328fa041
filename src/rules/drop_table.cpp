#include "rules/losses.hpp"
#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-table";

bool holds_rows(const ddl::Size& size) { return size.bytes > 0 && size.rows != 0; }

bool is_used(const ddl::TableUse& use, const Vector<ddl::Dependent>& dependents) {
  if (use.scans > 0 || use.changes > 0) return true;
  for (const ddl::Dependent& dependent : dependents) {
    if (dependent.kind == "function") return true;
  }
  return false;
}

Text locks_of_others(const Context& context) {
  const Vector<ddl::Relation> others = also_locked(context, ddl::Lock::kAccessExclusive);
  if (others.empty()) return {};
  Vector<Text> names;
  for (const ddl::Relation& other : others) names.push_back(other.display);
  return concat({", and takes ACCESS EXCLUSIVE on ", core::list_of(names, 3), " as well"});
}

Text usage(const ddl::TableUse& use) {
  Text text = concat({"It was scanned ", core::counted(std::size_t(use.scans), "time", "times"),
                      " and ", core::counted(std::size_t(use.changes), "row", "rows"), " changed",
                      use.stats_since.empty() ? "" : " since ", use.stats_since});
  if (!use.last_scan.empty()) text.append(concat({", last scanned at ", use.last_scan}));
  return text.append(". ");
}

// A key that goes locks the table it references: one at a time is soon done.
void append_steps(const Context& context, const Vector<ddl::ForeignKey>& keys,
                  Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  if (relation.is_partition) append_concurrent_detach(context, relation, steps);
  for (const ddl::ForeignKey& key : keys) {
    steps.push_back(concat(
        {"ALTER TABLE ", relation.display, " DROP CONSTRAINT ", facts.quote(key.constraint), ";"}));
  }
  steps.push_back(
      concat({"-- deploy the code that no longer uses it and keep what is worth keeping, then:\n",
              allowed_step(rules_to_allow(context, kSlug), "no code uses it any more",
                           concat({"DROP TABLE ", relation.display,
                                   context.action.cascade ? " CASCADE;" : ";"}))}));
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  if (relation.kind != 'r' && relation.kind != 'p') return;
  const bool loses_rows = holds_rows(context.size());
  const ddl::TableUse use = facts.table_use(relation);
  const auto dependents = facts.relation_dependents(relation);
  if (!loses_rows && !is_used(use, dependents)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  add_evidence(finding, "scans", use.scans);
  finding.message = concat({"dropping table ", table_with_size(context),
                            loses_rows ? " loses its rows and breaks every statement that still "
                                         "names it"
                                       : " breaks every statement that still names it",
                            locks_of_others(context)});
  finding.detail = usage(use).append(dependents_text(dependents));
  append_steps(context, facts.foreign_keys(relation), finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_table;
constexpr Rule drop_table = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Dropping a table that holds rows or is in use",
    "The rows are gone at once, and with them the indexes, triggers and grants. ACCESS EXCLUSIVE "
    "is "
    "taken on the table and on every table that its foreign keys reference; of a partition, on its "
    "parent and on the default partition.",
    "Only a backup brings the rows back. Code that still names the table fails; functions whose "
    "body is text are no obstacle to the DROP and fail later. Every statement on the referenced "
    "tables waits, too, while the DROP queues for its locks.",
    "Deploy code that does not use the table first, look at pg_stat_user_tables here and on every "
    "standby, and keep a dump. Drop its foreign keys one by one, detach it where it is a "
    "partition, then drop it with an override that gives the reason. A table that is empty and "
    "that nobody has used is left alone.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE TABLE orders (id bigint PRIMARY KEY, "
    "user_id bigint REFERENCES users);\nINSERT INTO orders SELECT generate_series(1, 1000);",
    "DROP TABLE orders;",
    "SET lock_timeout = '2s';\nALTER TABLE orders DROP CONSTRAINT "
    "orders_user_id_fkey;\nBEGIN;\nSET LOCAL db_guard.allow = "
    "'drop-table';\nSET LOCAL db_guard.allow_reason = 'unused since release 41, dump "
    "kept';\nDROP TABLE orders;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropRelation},
    check,
};

}  // namespace db_guard::rules
