// How many rows a change of data reaches, and how far an integer column has come.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_limit.hpp"

extern "C" {
#include "nodes/plannodes.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
}

namespace db_guard::ddl {

namespace {

constexpr int kPlanMilliseconds = 500;

// Nobody is waited for: a lock that cannot be had at once ends the attempt.
void wait_for_nobody() {
  (void)set_config_option("lock_timeout", "1ms", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
                          0, false);
}

// Under ModifyTable stands the plan that finds the rows.
double rows_of(const PlannedStmt* planned) {
  const Plan* plan = planned->planTree;
  if (!IsA(plan, ModifyTable)) return -1;
  return outerPlan(plan) != nullptr ? outerPlan(plan)->plan_rows : plan->plan_rows;
}

double estimate(const Node* tree) {
  wait_for_nobody();
  RawStmt* raw = makeNode(RawStmt);
  raw->stmt = static_cast<Node*>(copyObjectImpl(const_cast<Node*>(tree)));
  List* queries = pg_analyze_and_rewrite_fixedparams(raw, "", nullptr, 0, nullptr);
  double rows = 0;
  ListCell* cell = nullptr;
  foreach (cell, pg_plan_queries(queries, "", CURSOR_OPT_PARALLEL_OK, nullptr)) {
    const auto* planned = static_cast<const PlannedStmt*>(lfirst(cell));
    if (planned->commandType == CMD_UTILITY) return -1;
    rows = Max(rows, rows_of(planned));
  }
  return rows;
}

}  // namespace

double CatalogFacts::changed_rows(const Action& action) {
  const auto* tree = static_cast<const Node*>(action.node);
  double rows = -1;
  try {
    pg::rolled_back([&] {
      const pg::TimeLimit limit(kPlanMilliseconds);
      rows = pg::call([&] { return estimate(tree); });
    });
  } catch (const pg::PgError& error) {
    const bool cancelled = error.sqlstate() == ERRCODE_QUERY_CANCELED;
    if (cancelled && !pg::TimeLimit::expired()) throw;
    // Parameters, columns that an earlier statement of the script adds, a lock in the way.
    return -1;
  }
  return rows;
}

namespace {

// $1: table, $2: column number.
constexpr const char* kHasIndex = R"sql(
SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am a ON a.oid = c.relam
 WHERE i.indrelid = $1::oid AND i.indkey[0] = $2::int2 AND i.indisvalid AND i.indpred IS NULL
   AND a.amname = 'btree')sql";

}  // namespace

std::optional<double> CatalogFacts::largest_value(const Relation& relation, const Column& column) {
  const Text id = core::number(relation.id);
  const Text attribute = core::number(column.number);
  if (pg::query(kHasIndex, {id.c_str(), attribute.c_str()}).text(0, 0) == "0") return std::nullopt;
  const Text sql =
      core::concat({"SELECT max(", quote(column.name), ")::float8 FROM ", relation.display});
  const Oid locked = relation.id;
  std::optional<double> largest;
  try {
    pg::rolled_back([&] {
      if (!pg::call([&] { return lock_without_waiting(locked); })) return;
      const pg::TimeLimit limit(kPlanMilliseconds);
      const pg::Rows rows = pg::query(sql.c_str());
      if (rows.at(0, 0) != nullptr) largest = std::strtod(rows.at(0, 0), nullptr);
    });
  } catch (const pg::PgError& error) {
    const bool cancelled = error.sqlstate() == ERRCODE_QUERY_CANCELED;
    if (cancelled && !pg::TimeLimit::expired()) throw;
    // No right to read it.
    return std::nullopt;
  }
  return largest;
}

}  // namespace db_guard::ddl
