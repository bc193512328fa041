#include <algorithm>

#include "rules/steps.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-key-constraint";

// The key as the rule sees it.
struct Key {
  Text name;  // quoted
  bool primary;
  ddl::Index index;
  ddl::KnownConstraint constraint;
};

std::optional<Key> dropped_key(const Context& context) {
  ddl::Facts& facts = context.facts;
  const Text& name = context.action.constraint;
  auto constraint = facts.constraint(context.relation(), name);
  if (!constraint || (constraint->type != 'p' && constraint->type != 'u')) return std::nullopt;
  auto index = facts.index({context.relation().schema, name});
  // What a partition has from its parent goes with the parent's only.
  if (!index || index->is_partition) return std::nullopt;
  const bool primary = constraint->type == 'p';
  return Key{facts.quote(name), primary, std::move(*index), std::move(*constraint)};
}

bool adds_a_key(const ddl::Action& action) {
  return action.kind == ddl::ActionKind::kAddPrimaryKey ||
         action.kind == ddl::ActionKind::kAddUnique;
}

Vector<Text> columns_of(const Context& context, const ddl::Action& action) {
  if (action.key.existing_index.empty()) return action.key.columns;
  return context.facts.index_columns(context.relation(), action.key.existing_index);
}

bool same_columns(Vector<Text> some, Vector<Text> others) {
  std::sort(some.begin(), some.end());
  std::sort(others.begin(), others.end());
  return some == others;
}

// The same statement adds a key over the same columns.
bool is_replaced(const Context& context, const Key& key) {
  const auto& actions = context.statement.actions;
  if (std::none_of(actions.begin(), actions.end(), adds_a_key)) return false;
  const Vector<Text> own = context.facts.key_index(context.relation(), key.index).columns;
  return std::any_of(actions.begin(), actions.end(), [&](const ddl::Action& action) {
    const bool enough = !key.primary || action.kind == ddl::ActionKind::kAddPrimaryKey;
    return adds_a_key(action) && enough && same_columns(own, columns_of(context, action));
  });
}

bool adds_primary_key(const Context& context) {
  const auto& actions = context.statement.actions;
  return std::any_of(actions.begin(), actions.end(), [](const ddl::Action& action) {
    return action.kind == ddl::ActionKind::kAddPrimaryKey;
  });
}

Text dependents_text(const Context& context, const Key& key) {
  const Vector<Text>& dependents = key.constraint.dependents;
  if (dependents.empty()) return {};
  return concat({" Foreign keys rely on it: ", core::list_of(dependents, 5),
                 context.action.cascade
                     ? "; CASCADE drops them, and locks their tables."
                     : "; without CASCADE the server will refuse, after it has waited for the "
                       "lock."});
}

// What fails at once, with the publications that make it fail.
Text identity_text(const Context& context, const Key& key, const ddl::IndexUse& use) {
  if (!use.replica_identity || (key.primary && adds_primary_key(context))) return {};
  const Vector<Text> publications = context.facts.publications_of_changes(context.relation());
  if (publications.empty()) return {};
  return concat({" It is the table's replica identity: UPDATE and DELETE fail without it, because "
                 "publication ",
                 core::list_of(publications, 3), " has the table."});
}

void append_steps(const Context& context, const Key& key, bool published, Vector<Text>& steps) {
  const Text drop = alter_step(
      context, concat({"DROP CONSTRAINT ", key.name, context.action.cascade ? " CASCADE" : ""}));
  // More to write for every change, but nothing fails.
  const Text& table = context.relation().display;
  if (published) steps.push_back(alter_step(table, "REPLICA IDENTITY FULL"));
  steps.push_back(concat({"-- deploy the code whose ON CONFLICT does not name it any more, then:\n",
                          allowed_step(kSlug, "no code relies on it any more", drop)}));
}

void check(const Context& context, Findings& findings) {
  const auto key = dropped_key(context);
  if (!key || is_replaced(context, *key)) return;
  const ddl::IndexUse use = context.facts.index_use(context.relation(), key->index);
  const Text identity = identity_text(context, *key, use);
  const bool spare = !use.twin.empty() && key->constraint.dependents.empty() && identity.empty();
  if (spare) return;
  const bool succeeded = key->primary && adds_primary_key(context);
  Finding finding = make_finding(context, kSlug, succeeded ? Severity::kWarn : Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message =
      concat({"dropping ", key->primary ? "primary key " : "unique constraint ", key->name, " of ",
              table_with_size(context), " lets in rows with equal keys"});
  finding.detail =
      concat({"INSERT ... ON CONFLICT over its columns fails as soon as it is gone, and its index "
              "serves no query any more.",
              dependents_text(context, *key), identity});
  finding.hopeless = !key->constraint.dependents.empty() && !context.action.cascade;
  if (!finding.hopeless) append_steps(context, *key, !identity.empty(), finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_key_constraint;
constexpr Rule drop_key_constraint = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Dropping a primary key or unique constraint",
    "The guarantee goes at once, and the index with it. The lock (ACCESS EXCLUSIVE) is brief. "
    "Nothing is reported where another index keeps the same keys unique, or the same statement "
    "adds "
    "such a key; where it adds another primary key, a WARNING.",
    "Equal keys come in unnoticed. ON CONFLICT over the columns fails. UPDATE and DELETE of a "
    "published table fail when its replica identity goes. Foreign keys that rely on the key keep "
    "it "
    "from being dropped, or go with it under CASCADE.",
    "Build the index that is to take its place first (CREATE UNIQUE INDEX CONCURRENTLY), and swap "
    "in "
    "one ALTER TABLE: DROP CONSTRAINT and ADD CONSTRAINT ... USING INDEX. Where the key is to go "
    "for "
    "good, give a published table another REPLICA IDENTITY and deploy the code that does not rely "
    "on it, then drop it with an override that gives the reason.",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text, CONSTRAINT users_email_key UNIQUE "
    "(email));\nINSERT INTO users SELECT g, g::text FROM generate_series(1, 1000) g;",
    "ALTER TABLE users DROP CONSTRAINT users_email_key;",
    "CREATE UNIQUE INDEX CONCURRENTLY users_email_new ON users (email) INCLUDE (id);\nALTER TABLE "
    "users DROP CONSTRAINT users_email_key, ADD CONSTRAINT users_email_key UNIQUE USING INDEX "
    "users_email_new;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropConstraint},
    check,
};

}  // namespace db_guard::rules
