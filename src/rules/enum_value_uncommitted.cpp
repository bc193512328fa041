#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "enum-value-uncommitted";

// From 17 on, values that join a type of the same transaction can be used at once.
constexpr int kKnowsNewTypes = 17;

bool can_be_used_at_once(const Context& context) {
  ddl::Facts& facts = context.facts;
  return !facts.in_transaction_block() ||
         (facts.server_major() >= kKnowsNewTypes && facts.is_new_type(context.action.target));
}

void check(const Context& context, Findings& findings) {
  if (can_be_used_at_once(context)) return;
  Finding finding = make_object_finding(context, kSlug, Severity::kNote);
  finding.message =
      concat({"value ", context.facts.quote_literal(context.action.part), " of type ",
              finding.object, " cannot be used before this transaction is committed"});
  finding.detail = Text(
      "An INSERT, UPDATE or default that names it before COMMIT fails with \"unsafe use of new "
      "value\", and takes the whole transaction along.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule enum_value_uncommitted;
constexpr Rule enum_value_uncommitted = {
    kSlug,
    "transactions",
    Severity::kNote,
    "An enum value added within a transaction",
    "ALTER TYPE ... ADD VALUE runs in a transaction block.",
    "The value is there, but whatever uses it before COMMIT fails: the server could not take it "
    "back out of an index if the transaction were rolled back. Tools that run a whole migration in "
    "one transaction meet that when a later step uses the value.",
    "A migration of its own for ADD VALUE, committed before anything uses the value.",
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\nCREATE TABLE diary (day date PRIMARY KEY, "
    "mood mood);\nINSERT INTO diary VALUES ('2030-01-01', 'happy');",
    "BEGIN;\nALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad';\nCOMMIT;",
    "ALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad';",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kAddEnumValue},
    check,
};

}  // namespace db_guard::rules
