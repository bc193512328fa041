#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "concurrent-index-waits";

struct Wait {
  std::string_view command;
  ddl::Lock lock;  // what those have to hold that it waits for
  bool snapshots;  // it waits for all that might see what was there before, too
};

Wait wait_of(const ddl::Action& action) {
  switch (action.kind) {
    case ddl::ActionKind::kCreateIndex:
      return {"CREATE INDEX CONCURRENTLY", ddl::Lock::kShare, true};
    case ddl::ActionKind::kDropIndex:
      return {"DROP INDEX CONCURRENTLY", ddl::Lock::kAccessExclusive, false};
    default:
      return {"DETACH PARTITION CONCURRENTLY", ddl::Lock::kAccessExclusive, false};
  }
}

void check(const Context& context, Findings& findings) {
  if (!context.action.concurrently && !context.action.key.concurrently) return;
  const Wait wait = wait_of(context.action);
  const Text sessions = sessions_text(
      context.facts.transactions_waited_for(context.relation(), wait.lock, wait.snapshots));
  if (sessions.empty()) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.message = concat(
      {wait.command, " on ", table_with_size(context), " has to wait for ", sessions, " to end"});
  finding.detail = Text(
      "It blocks nobody while it waits, but it takes as long as the longest of these transactions, "
      "and autovacuum cleans up nothing behind them.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule concurrent_index_waits;
constexpr Rule concurrent_index_waits = {
    kSlug,
    "transactions",
    Severity::kNote,
    "A CONCURRENTLY command that has to wait for a transaction",
    "CREATE INDEX CONCURRENTLY waits for every transaction that has written to the table, and for "
    "every older one in the database that may still look at it; DROP INDEX and DETACH PARTITION "
    "CONCURRENTLY wait for all who use the table.",
    "Reads and writes go on, but one transaction that was left open keeps the command from ending.",
    "End what is idle in a transaction first; set idle_in_transaction_session_timeout.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "CREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);",
    "CREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);",
    "0.1.0",
    ddl::Lock::kShareUpdateExclusive,
    "index build",
    {ddl::ActionKind::kCreateIndex, ddl::ActionKind::kDropIndex, ddl::ActionKind::kDetachPartition},
    check,
    nullptr,
    true,
};

}  // namespace db_guard::rules
