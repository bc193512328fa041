#include <algorithm>

#include "rules/losses.hpp"
#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-cascade";

bool takes_along(const ddl::Action& action) {
  return action.cascade || action.kind == ddl::ActionKind::kDropOwned;
}

// The server says what goes with a statement, not what goes with which of its actions.
bool speaks_for_statement(const Context& context) {
  const auto& actions = context.statement.actions;
  const auto first = std::find_if(actions.begin(), actions.end(), takes_along);
  return first != actions.end() && &*first == &context.action;
}

Text what_is_dropped(const Context& context) {
  const ddl::Action& action = context.action;
  ddl::Facts& facts = context.facts;
  switch (action.kind) {
    case ddl::ActionKind::kDropColumn:
      return concat({"dropping column ", facts.quote(action.column), " of ", subject(context)});
    case ddl::ActionKind::kDropConstraint:
      return concat(
          {"dropping constraint ", facts.quote(action.constraint), " of ", subject(context)});
    case ddl::ActionKind::kDropIndex:
      return concat({"dropping an index of ", subject(context)});
    case ddl::ActionKind::kDropRelation:
      return concat({"dropping ", subject(context)});
    default:
      return concat({"dropping ", action.object_kind, " ", context.relation().display});
  }
}

// The rule that may object to the same statement without CASCADE.
std::string_view companion_of(const Context& context) {
  switch (context.action.kind) {
    case ddl::ActionKind::kDropColumn:
      return ",drop-column";
    case ddl::ActionKind::kDropConstraint:
      return ",drop-key-constraint";
    case ddl::ActionKind::kDropIndex:
      return ",drop-index-blocking,drop-index-in-use";
    case ddl::ActionKind::kDropRelation:
      return context.relation().kind == 'r' || context.relation().kind == 'p' ? ",drop-table" : "";
    default:
      return {};
  }
}

Text message_of(const Context& context, const Vector<ddl::Loss>& losses) {
  const LostRows rows = rows_lost(context.facts, losses);
  const Text lost =
      rows.tables == 0 ? Text() : concat({", with ", core::pretty_bytes(rows.bytes), " of rows"});
  if (context.action.kind == ddl::ActionKind::kDropOwned) {
    return concat(
        {"DROP OWNED BY ", context.relation().display, " drops ", losses_by_kind(losses), lost});
  }
  return concat(
      {what_is_dropped(context), " with CASCADE takes ", losses_by_kind(losses), " along", lost});
}

void check(const Context& context, Findings& findings) {
  const auto& losses = context.effects.losses;
  if (losses.empty() || !speaks_for_statement(context)) return;
  const bool of_relation = ddl::has_existing_target(context.action.kind);
  Finding finding = of_relation ? make_finding(context, kSlug, Severity::kBlock)
                                : make_object_finding(context, kSlug, Severity::kBlock);
  add_evidence(finding, "objects", double(losses.size()));
  finding.message = message_of(context, losses);
  finding.detail = concat({"It would drop ", losses_text(losses), "."});
  if (!context.statement.text.empty()) {
    finding.safe_sql.push_back(concat(
        {"-- drop or change first what is still needed elsewhere, then:\n",
         allowed_step(concat({kSlug, companion_of(context)}), "nothing that goes along is needed",
                      concat({context.statement.text, ";"}))}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_cascade;
constexpr Rule drop_cascade = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Dropping with CASCADE what other things depend on",
    "Everything that depends on the object goes with it, and what depends on that: views, foreign "
    "keys of other tables, columns of a dropped type, defaults, policies. The server names them "
    "in a NOTICE when it is too late. DROP OWNED drops whatever the role owns. Where CASCADE takes "
    "nothing along, nothing is reported.",
    "Views and foreign keys vanish that nobody meant to lose, on tables that the statement does "
    "not "
    "name and that are locked for it.",
    "Drop without CASCADE: the server then lists what stands in the way. Drop or change each of "
    "these on purpose, in a transaction of its own.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nCREATE VIEW totals AS SELECT "
    "total FROM orders;",
    "DROP TABLE orders CASCADE;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'drop-cascade';\nSET LOCAL db_guard.allow_reason = 'totals "
    "goes, too';\nDROP TABLE orders CASCADE;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropColumn, ddl::ActionKind::kDropConstraint, ddl::ActionKind::kDropIndex,
     ddl::ActionKind::kDropObject, ddl::ActionKind::kDropOwned, ddl::ActionKind::kDropRelation},
    check,
};

}  // namespace db_guard::rules
