#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "lock-queue";

bool never_gives_way(const Vector<ddl::Session>& sessions) {
  return std::any_of(sessions.begin(), sessions.end(),
                     [](const ddl::Session& session) { return session.wraparound_vacuum; });
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  if (!ddl::blocks_writes(context.lock) || facts.lock_timeout_ms() != 0) return;
  const auto sessions = facts.sessions_in_the_way(context.relation(), context.lock);
  if (sessions.empty()) return;
  const bool hopeless = never_gives_way(sessions);
  Finding finding = make_finding(context, kSlug, hopeless ? Severity::kBlock : Severity::kWarn);
  finding.message = concat({context.statement.tag, " needs ", ddl::lock_name(context.lock), " on ",
                            subject(context),
                            ", which others are using, and no lock_timeout is set; whoever comes "
                            "later waits behind it"});
  finding.detail = Text(
      hopeless ? "Other autovacuum workers give way to a waiting session. This one must not: it "
                 "keeps the table until it has seen every page of it."
               : "The lock is brief once it is there. Until then everybody queues behind this "
                 "statement, even those who only read.");
  finding.safe_sql.emplace_back("-- and try again when it gives up:\nSET lock_timeout = '2s';");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule lock_queue;
constexpr Rule lock_queue = {
    kSlug,
    "transactions",
    Severity::kBlock,
    "Queueing for a lock without a timeout",
    "A statement needs a lock that others would have to wait for, somebody holds the table at this "
    "moment, and lock_timeout is 0. It is a WARNING; an error where the one in the way is an "
    "autovacuum against transaction ID wraparound, which does not give way and may take hours.",
    "A lock request queues, and every later one queues behind it: while the statement waits for "
    "one "
    "forgotten transaction, nobody can use the table.",
    "SET lock_timeout to a second or two, and try again when it gives up. The effective value "
    "counts, be it set by the session, the role, the database or the server.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
    "SET lock_timeout = '2s';\nALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    // DROP INDEX has a rule of its own that knows the better way.
    ddl::all_kinds_with_target().without(ddl::ActionKind::kDropIndex),
    check,
    nullptr,
    true,
    true,
};

}  // namespace db_guard::rules
