#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "triggers-left-disabled";

using Triggers = Vector<ddl::DisabledTrigger>;

bool checks_keys(const Triggers& triggers) {
  return std::any_of(triggers.begin(), triggers.end(), [](const ddl::DisabledTrigger& trigger) {
    return !trigger.constraint.empty();
  });
}

// Of a foreign key the constraint is what people know, and it has several triggers.
Text names_of(ddl::Facts& facts, const Triggers& triggers) {
  Vector<Text> names;
  for (const ddl::DisabledTrigger& trigger : triggers) {
    Text name = trigger.constraint.empty()
                    ? concat({"trigger ", facts.quote(trigger.name)})
                    : concat({"foreign key ", facts.quote(trigger.constraint)});
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return core::list_of(names, 5);
}

void append_steps(const Context& context, const Triggers& triggers, Vector<Text>& steps) {
  const Text head = concat({"ALTER TABLE ", context.relation().display, " ENABLE TRIGGER "});
  if (triggers.empty() || checks_keys(triggers)) {
    steps.push_back(concat({head, "ALL;"}));
    return;
  }
  for (const ddl::DisabledTrigger& trigger : triggers) {
    steps.push_back(concat({head, context.facts.quote(trigger.name), ";"}));
  }
}

void check_end(const Context& context, const ddl::Touched& touched, Findings& findings) {
  if (!touched.triggers_disabled) return;
  // Of a script the catalogs know nothing yet.
  const bool predicted = context.facts.transaction().predicted;
  const Triggers triggers =
      predicted ? Triggers() : context.facts.disabled_triggers(context.relation());
  if (triggers.empty() && !predicted) return;
  const bool keys = checks_keys(triggers);
  const bool forgotten = keys || context.facts.in_transaction_block();
  Finding finding = make_finding(context, kSlug, forgotten ? Severity::kWarn : Severity::kNote);
  const Text names = triggers.empty() ? Text("triggers") : names_of(context.facts, triggers);
  finding.message =
      concat({"this transaction ends with ", names, " of ", table_with_size(context), " disabled"});
  finding.detail = Text(
      keys ? "Rows that break a foreign key are accepted from now on, and enabling its triggers "
             "again does not look for them."
           : "Until they are enabled again they do not fire, for anybody.");
  // Of a script they are not another way, but belong before its COMMIT.
  if (predicted) {
    finding.detail.append(concat({" Before the COMMIT belongs: ALTER TABLE ",
                                  context.relation().display, " ENABLE TRIGGER ..."}));
  } else {
    append_steps(context, triggers, finding.safe_sql);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule triggers_left_disabled;
constexpr Rule triggers_left_disabled = {
    kSlug,
    "transactions",
    Severity::kWarn,
    "Ending a transaction with triggers disabled",
    "Triggers that a transaction disables are still disabled when it commits. Disabling one and "
    "enabling it again in the same transaction is fine. DISABLE TRIGGER in a transaction of its "
    "own is a note, unless it stops foreign keys.",
    "It holds for every session and for good: history is not written, and foreign keys are not "
    "checked. Enabling the triggers later does not catch up on what was missed.",
    "Enable them in the same transaction, or set session_replication_role for one session instead.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;\nCREATE TRIGGER quiet BEFORE UPDATE ON orders FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger();",
    "BEGIN;\nALTER TABLE orders DISABLE TRIGGER quiet;\nCOMMIT;",
    "BEGIN;\nALTER TABLE orders DISABLE TRIGGER quiet;\nALTER TABLE orders ENABLE TRIGGER "
    "quiet;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kShareRowExclusive,
    "none",
    {ddl::ActionKind::kDisableTriggers},
    nullptr,
    check_end,
};

}  // namespace db_guard::rules
