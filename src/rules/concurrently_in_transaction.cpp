#include "core/sql_text.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/steps_indexes.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "concurrently-in-transaction";

bool is_concurrent(const ddl::Action& action) {
  return action.kind == ddl::ActionKind::kCreateIndex ? action.key.concurrently
                                                      : action.concurrently;
}

std::string_view command(const ddl::Action& action) {
  switch (action.kind) {
    case ddl::ActionKind::kCreateIndex:
      return "CREATE INDEX";
    case ddl::ActionKind::kDropIndex:
      return "DROP INDEX";
    case ddl::ActionKind::kDetachPartition:
      return "DETACH PARTITION";
    default:
      return "REINDEX";
  }
}

Text semicoloned(std::string_view statement) {
  return concat({statement, core::end_of_code(statement) < statement.size() ? "\n;" : ";"});
}

void append_steps(const Context& context, Vector<Text>& steps) {
  const ddl::Action& action = context.action;
  switch (action.kind) {
    case ddl::ActionKind::kCreateIndex:
      if (!action.key.tail.empty()) append_index_steps(context, index_of(action.key), steps);
      break;
    case ddl::ActionKind::kDropIndex:
      if (const auto index = context.facts.index(action.target)) {
        steps.push_back(concat({"DROP INDEX CONCURRENTLY ", index->display, ";"}));
      }
      break;
    case ddl::ActionKind::kDetachPartition:
      if (!action.clause.empty()) steps.push_back(alter_step(context, action.clause));
      break;
    default:
      if (!action.clause.empty()) steps.push_back(semicoloned(action.clause));
      break;
  }
}

// On a partitioned table it is refused for another reason, which has a rule of its own.
bool is_impossible_anyway(const Context& context) {
  return context.action.kind == ddl::ActionKind::kCreateIndex && context.relation().partitioned();
}

void check(const Context& context, Findings& findings) {
  if (!is_concurrent(context.action) || !context.facts.in_transaction_block()) return;
  if (is_impossible_anyway(context)) return;
  const bool of_table = context.relation().id != 0;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.hopeless = true;
  finding.message = concat({command(context.action), " CONCURRENTLY on ",
                            of_table ? table_with_size(context) : context.relation().display,
                            " cannot run inside a transaction block"});
  finding.detail = Text(
      "It commits on its way, and waits for transactions that are open; the server will refuse it. "
      "Run it by itself: migration tools have a switch for a migration without a transaction.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule concurrently_in_transaction;
constexpr Rule concurrently_in_transaction = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "CONCURRENTLY inside a transaction block",
    "CREATE INDEX, DROP INDEX, REINDEX and DETACH PARTITION with CONCURRENTLY commit on their way, "
    "and the server refuses them inside a transaction block.",
    "The migration fails at this statement, and everything before it in the transaction is rolled "
    "back.",
    "Run it by itself, outside BEGIN and COMMIT. Migration tools have a switch for that: a "
    "migration without a transaction.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "BEGIN;\nCREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);\nCOMMIT;",
    "CREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);",
    "0.1.0",
    ddl::Lock::kNone,
    "refused",
    {ddl::ActionKind::kCreateIndex, ddl::ActionKind::kDetachPartition, ddl::ActionKind::kDropIndex,
     ddl::ActionKind::kReindexIndex, ddl::ActionKind::kReindexMany, ddl::ActionKind::kReindexTable},
    check,
};

}  // namespace db_guard::rules
