#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "truncate";

// CASCADE is said once: the tables are emptied together.
Text statement_of(const Context& context) {
  return concat({"TRUNCATE ", context.action.only ? "ONLY " : "", context.relation().display,
                 context.action.cascade ? " CASCADE;" : ";"});
}

void check(const Context& context, Findings& findings) {
  const ddl::Size size = context.size();
  if (size.bytes == 0) return;
  const bool widens =
      context.action.cascade && !also_locked(context, ddl::Lock::kAccessExclusive).empty();
  Finding finding = make_finding(context, kSlug,
                                 is_small(context) && !widens ? Severity::kNote : Severity::kBlock);
  finding.message = concat({"TRUNCATE of ", table_with_size(context),
                            " loses its rows and takes ACCESS EXCLUSIVE; reads and writes wait "
                            "until the transaction ends"});
  finding.detail = Text("The rows are gone for every session, even for one whose snapshot is "
                        "older; no DELETE trigger "
                        "fires for them.");
  // The steps of truncate-cascade name all tables.
  if (!widens) {
    finding.safe_sql.push_back(
        concat({"-- keep a dump of what is worth keeping, then:\n",
                allowed_step(kSlug, "the rows are not needed any more", statement_of(context))}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule truncate;
constexpr Rule truncate = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Truncating a table",
    "All rows are gone at once, in all partitions. ACCESS EXCLUSIVE is taken on the table and kept "
    "until the transaction ends. An error above db_guard.small_table_size, a note below; an empty "
    "table is left alone.",
    "Only a backup brings the rows back. Reads and writes wait while TRUNCATE queues for its lock, "
    "and then until its transaction ends. Transactions with an older snapshot see an empty table.",
    "Delete in batches where others go on using the table. Otherwise truncate in a transaction of "
    "its own, with lock_timeout set, with an override that gives the reason.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;",
    "TRUNCATE orders;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'truncate';\nSET LOCAL db_guard.allow_reason = 'test data "
    "of "
    "the staging area';\nTRUNCATE orders;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kTruncate},
    check,
};

}  // namespace db_guard::rules
