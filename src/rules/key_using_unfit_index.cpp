#include "core/sql_text.hpp"
#include "rules/reached_tables.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "key-using-unfit-index";

std::optional<ddl::Index> named_index(const Context& context) {
  const Text& name = context.action.key.existing_index;
  if (name.empty() || context.relation().partitioned()) return std::nullopt;
  auto index = context.facts.index({context.relation().schema, name});
  if (!index) return std::nullopt;
  const auto table = context.facts.table_of(*index);
  if (!table || table->id != context.relation().id) return std::nullopt;
  return index;
}

// "CREATE UNIQUE INDEX i ON ..." as the server prints it.
Text concurrently(std::string_view definition) {
  constexpr std::string_view kHead = "CREATE UNIQUE INDEX ";
  return concat({kHead, "CONCURRENTLY ", definition.substr(kHead.size()), ";"});
}

// An invalid index is in nobody's use. The others may be, and stay.
void append_steps(const Context& context, const ddl::Index& index, const ddl::KeyIndex& key,
                  Vector<Text>& steps) {
  if (index.valid || !index.unique || key.definition.empty() || may_be_building(context)) return;
  steps.push_back(concat({"DROP INDEX CONCURRENTLY ", index.display, ";"}));
  steps.push_back(concurrently(key.definition));
  if (!context.action.clause.empty()) steps.push_back(alter_step(context, context.action.clause));
}

void check(const Context& context, Findings& findings) {
  const auto index = named_index(context);
  if (!index) return;
  const ddl::KeyIndex key = context.facts.key_index(context.relation(), *index);
  if (key.flaw.empty()) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.hopeless = true;
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"index ", index->display, " of ", table_with_size(context),
                            " cannot become that of a constraint: ", key.flaw});
  finding.detail = concat({"The server will refuse it, but only after it has waited for ",
                           ddl::lock_name(context.lock),
                           " with everybody else waiting behind it. It takes a valid unique btree "
                           "index over plain columns, in "
                           "their default order, without WHERE."});
  append_steps(context, *index, key, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule key_using_unfit_index;
constexpr Rule key_using_unfit_index = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "A key from an index that cannot carry it",
    "ADD CONSTRAINT ... USING INDEX wants a valid unique btree index over plain columns, in their "
    "default order, without WHERE. The server looks only once it has ACCESS EXCLUSIVE.",
    "The statement queues for the lock, everybody waits behind it, and then it fails. Most often "
    "the index is invalid because its CONCURRENTLY build has failed.",
    "Drop an invalid index CONCURRENTLY, build it again, and look at pg_index.indisvalid before it "
    "is used.",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);\nINSERT INTO users SELECT g, g::text "
    "FROM generate_series(1, 1000) g;\nCREATE UNIQUE INDEX users_email_idx ON users (email) WHERE "
    "email <> '';",
    "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_idx;",
    "CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);\nALTER TABLE users ADD "
    "CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "error",
    {ddl::ActionKind::kAddPrimaryKey, ddl::ActionKind::kAddUnique},
    check,
};

}  // namespace db_guard::rules
