#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "lock-table";

// NOWAIT fails instead of queueing, and a lock_timeout soon after.
bool has_limit(const Context& context) {
  return context.action.nowait || context.facts.lock_timeout_ms() > 0;
}

void check(const Context& context, Findings& findings) {
  if (is_small(context) || !ddl::blocks_writes(context.lock) || has_limit(context)) return;
  Finding finding = make_finding(
      context, kSlug, ddl::blocks_reads(context.lock) ? Severity::kWarn : Severity::kNote);
  finding.message =
      concat({"LOCK TABLE takes ", ddl::lock_name(context.lock), " on ", table_with_size(context),
              " until the transaction ends; ", ddl::who_waits(context.lock)});
  finding.detail = Text("How long that is depends on what comes after it. No lock_timeout is set: "
                        "while the statement "
                        "waits for its lock, everybody waits behind it.");
  if (!context.statement.text.empty()) {
    finding.safe_sql.push_back(
        concat({"-- and again when the time is over:\nBEGIN;\nSET LOCAL lock_timeout = '2s';\n",
                context.statement.text, ";\n-- what has to happen under the lock\nCOMMIT;"}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule lock_table;
constexpr Rule lock_table = {
    kSlug,
    "maintenance",
    Severity::kWarn,
    "LOCK TABLE without a limit to the waiting",
    "The lock is kept until the transaction ends. Without NOWAIT and lock_timeout, ACCESS "
    "EXCLUSIVE "
    "(which is the default) is a WARNING, another lock that blocks writes a note. Tables up to "
    "db_guard.small_table_size are left "
    "alone.",
    "Reads and writes wait while the statement queues, and then for as long as the transaction "
    "goes "
    "on. Event triggers do not see the command: the guard does where its library is preloaded.",
    "Set lock_timeout or say NOWAIT, take the weakest lock that will do, and lock as late in the "
    "transaction as possible.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;",
    "BEGIN;\nLOCK TABLE orders;\nCOMMIT;",
    "BEGIN;\nSET LOCAL lock_timeout = '2s';\nLOCK TABLE orders;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kLockTable},
    check,
};

}  // namespace db_guard::rules
