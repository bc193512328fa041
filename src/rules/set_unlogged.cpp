#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "set-unlogged";

void check(const Context& context, Findings& findings) {
  if (!context.work.rewrite) return;
  const bool is_long = !is_small(context);
  Finding finding = make_finding(context, kSlug, is_long ? Severity::kBlock : Severity::kWarn);
  finding.message = concat({"SET UNLOGGED takes ACCESS EXCLUSIVE on ", table_with_size(context),
                            " and rewrites it, and the next crash empties it",
                            is_long ? "; reads and writes wait until it is done" : ""});
  finding.detail =
      Text("After a crash or an immediate shutdown the table is empty. Standbys do not have its "
           "rows, a failover loses them, and backups of the files leave them out.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule set_unlogged;
constexpr Rule set_unlogged = {
    kSlug,
    "types",
    Severity::kBlock,
    "SET UNLOGGED",
    "The rows are no longer in the write-ahead log: a crash empties the table, and standbys do not "
    "have them. The table is written anew under ACCESS EXCLUSIVE. A small table is a WARNING.",
    "Rows that were safe are lost at the next failover. And the way back, SET LOGGED, writes the "
    "table anew once more.",
    "Keep the table logged. For rows that may be lost make a new UNLOGGED table.",
    "CREATE TABLE imports (id bigint PRIMARY KEY, line text);\nINSERT INTO imports SELECT g, g "
    "FROM "
    "generate_series(1, 1000) g;",
    "ALTER TABLE imports SET UNLOGGED;",
    "CREATE UNLOGGED TABLE imports_of_today (LIKE imports INCLUDING ALL);",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kSetUnlogged},
    check,
};

}  // namespace db_guard::rules
