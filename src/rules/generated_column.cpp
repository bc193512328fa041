#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "generated-column";

bool adds(const Context& context) { return context.action.kind == ddl::ActionKind::kAddColumn; }

// NOT NULL on a virtual column, which has no values that could be looked up.
bool is_verified(const Context& context) {
  if (!context.work.scan) return false;
  return !adds(context) || (context.added().virtual_generated && context.added().not_null);
}

bool is_written(const Context& context) {
  return context.work.rewrite && (!adds(context) || context.added().stored_generated);
}

// A column that exists keeps its values and goes on as a plain one. The trigger comes in the same
// transaction as that, so that no row is missed.
void append_change_steps(const Context& context, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::Generation generation = facts.generation(context.relation(), context.action);
  if (generation.expression.empty()) return;
  const Text& table = context.relation().display;
  const Text column = facts.quote(context.action.column);
  const Computation computation = plan_computation(context, generation);
  steps.push_back(computation.create.front());
  steps.push_back(
      concat({"BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE ", table, " ALTER COLUMN ",
              column, " DROP EXPRESSION;\n", computation.create.back(), "\nCOMMIT;"}));
  const std::string_view cast = generation.comparable ? "" : "::text";
  steps.push_back(backfill_step(
      context, concat({column, " = ", generation.expression}),
      concat({column, cast, " IS DISTINCT FROM (", generation.expression, ")", cast})));
}

Text what_is_done(const Context& context) {
  const Text column = context.facts.quote(context.action.column);
  if (!adds(context)) {
    return concat({"changing the expression of generated column ", column});
  }
  return concat({"adding ", is_written(context) ? "generated" : "virtual", " column ", column,
                 is_written(context) ? "" : " NOT NULL"});
}

Text why(const Context& context) {
  if (!is_written(context)) {
    return Text("The values of a virtual column are in no row: the server computes each to see "
                "whether it is NULL.");
  }
  Text text = concat({"A stored value is computed for every row, so every row is written anew",
                      rebuilt_indexes(context),
                      ". No generated column can be filled in batches; a plain one that a trigger "
                      "computes can."});
  if (adds(context) && context.facts.server_major() >= 18) {
    text.append(" A VIRTUAL column is computed when it is read, and added at once.");
  }
  return text;
}

void check(const Context& context, Findings& findings) {
  const bool written = is_written(context);
  if ((!written && !is_verified(context)) || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message =
      concat({what_is_done(context), " takes ACCESS EXCLUSIVE on ", table_with_size(context),
              written ? " and rewrites it" : " and scans every row",
              "; reads and writes wait until it is done"});
  finding.detail = why(context);
  if (adds(context)) {
    append_added_column_steps(context, finding.safe_sql);
  } else if (written) {
    append_change_steps(context, finding.safe_sql);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule generated_column;
constexpr Rule generated_column = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding or changing a stored generated column",
    "Takes ACCESS EXCLUSIVE, computes the column for every row, writes the whole table anew and "
    "rebuilds every index. So does SET EXPRESSION (PostgreSQL 17 and later). A VIRTUAL column "
    "(18 and later) is added at once, unless it is NOT NULL: then every row is computed and looked "
    "at.",
    "Reads and writes wait until every row is written, and the disk needs room for a second copy.",
    "Add a plain column, keep it with a trigger, and backfill in batches. Or use a view, an index "
    "on the expression or, from PostgreSQL 18 on, a VIRTUAL column.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, net numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (net * 1.19) STORED;",
    "CREATE VIEW orders_with_gross AS SELECT *, net * 1.19 AS gross FROM orders;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kAddColumn, ddl::ActionKind::kSetExpression},
    check,
};

}  // namespace db_guard::rules
