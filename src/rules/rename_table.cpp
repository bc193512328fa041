#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-table";

// ALTER TABLE renames indexes and sequences too, which no query names.
bool is_named_in_queries(const ddl::Relation& relation) {
  return std::string_view("rpvmf").find(relation.kind) != std::string_view::npos;
}

std::string_view kind_of(const ddl::Relation& relation) {
  switch (relation.kind) {
    case 'v':
      return "VIEW";
    case 'm':
      return "MATERIALIZED VIEW";
    case 'f':
      return "FOREIGN TABLE";
    default:
      return "TABLE";
  }
}

void check(const Context& context, Findings& findings) {
  if (!is_named_in_queries(context.relation())) return;
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const bool moves = context.action.kind == ddl::ActionKind::kSetSchema;
  if (moves && context.action.new_name == relation.schema) return;
  const Text new_name = facts.quote(context.action.new_name);
  const Text renamed = moves ? concat({new_name, ".", facts.quote(relation.name)})
                             : concat({facts.quote(relation.schema), ".", new_name});
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.message =
      concat({moves ? "moving " : "renaming ", subject(context), moves ? " to schema " : " to ",
              new_name, " breaks every running statement that uses the old name"});
  finding.detail = dependents_text(facts.relation_dependents(relation));
  finding.detail.append(
      " A view under the old name, made in the same transaction, keeps old code working; grant on "
      "it what roles hold on the table.");
  const Text alter = concat({"ALTER ", kind_of(relation), " ", relation.display,
                             moves ? " SET SCHEMA " : " RENAME TO ", new_name, ";"});
  finding.safe_sql.push_back(
      allowed_step(kSlug, "a view takes over the old name",
                   concat({alter, "\nCREATE VIEW ", relation.display,
                           " WITH (security_invoker = true) AS SELECT * FROM ", renamed, ";"})));
  finding.safe_sql.push_back(concat(
      {"-- deploy the code that uses the new name, then:\nDROP VIEW ", relation.display, ";"}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_table;
constexpr Rule rename_table = {
    kSlug,
    "renames",
    Severity::kBlock,
    "Renaming a table or view, or moving it to another schema",
    "The old name is gone the moment the transaction commits. The lock (ACCESS "
    "EXCLUSIVE) is brief.",
    "Code that still uses the old name fails until it is changed and deployed. Views keep working, "
    "since they follow the table itself; functions whose body is text do not.",
    "Rename or move it, and create a view with the old name in the same transaction. Drop the view "
    "when no code uses it.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders RENAME TO purchases;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'rename-table';\nSET LOCAL db_guard.allow_reason "
    "= 'a view takes over the old name';\nALTER TABLE orders RENAME TO "
    "purchases;\nCREATE VIEW orders WITH (security_invoker = true) AS SELECT * FROM "
    "purchases;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kRenameRelation, ddl::ActionKind::kSetSchema},
    check,
};

}  // namespace db_guard::rules
