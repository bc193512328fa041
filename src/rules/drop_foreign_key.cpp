#include "rules/reached_tables.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-foreign-key";

bool queues(const Context& context, const ddl::Relation& other) {
  ddl::Effect own;
  own.lock = context.lock;
  return would_queue(context, {{context.relation(), own}, {other, context.effects.on(other.id)}});
}

bool all_small(const Context& context, const ddl::Relation& other) {
  return is_small(context) && context.facts.size(other).bytes <= context.small_table_size;
}

void check(const Context& context, Findings& findings) {
  if (context.facts.lock_timeout_ms() != 0) return;
  const auto key = context.facts.constraint(context.relation(), context.action.constraint);
  if (!key || key->type != 'f') return;
  const auto other = context.facts.relation_by_id(key->other);
  if (!other || other->id == context.relation().id || all_small(context, *other)) return;
  const bool waits = queues(context, *other);
  Finding finding = make_finding(context, kSlug, waits ? Severity::kBlock : Severity::kNote);
  finding.place.constraint = context.action.constraint;
  finding.message =
      concat({"dropping foreign key ", context.facts.quote(context.action.constraint),
              " takes ACCESS EXCLUSIVE on ", table_with_size(context), " and on ", other->display,
              ", which the statement does not name; reads and writes of both wait while it "
              "queues"});
  finding.detail = Text(
      waits
          ? "Another session holds one of the tables and there is no lock_timeout: the DROP would "
            "wait for it, and everybody else would wait behind the DROP."
          : "The locks are brief once they are there, but everybody waits behind them while the "
            "statement waits.");
  finding.safe_sql.push_back(alter_step(
      context, concat({"DROP CONSTRAINT ", context.facts.quote(context.action.constraint)})));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_foreign_key;
constexpr Rule drop_foreign_key = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Dropping a foreign key",
    "Takes ACCESS EXCLUSIVE on both tables, briefly: the triggers on the referenced one go as "
    "well. "
    "Usually this is an entry in the log; it is an error when another session is using one of the "
    "tables. Where a lock_timeout is set, nothing is reported; tables up to "
    "db_guard.small_table_size are left alone.",
    "While the DROP waits for a running query on one of the tables, every later read and write of "
    "either waits behind it.",
    "Set a short lock_timeout, and try again when it runs out.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nINSERT INTO users SELECT generate_series(1, "
    "1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint CONSTRAINT "
    "orders_user_id_fkey REFERENCES users);\nINSERT INTO orders SELECT g, g FROM "
    "generate_series(1, 1000) g;",
    "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;",
    "SET lock_timeout = '2s';\nALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;\nRESET "
    "lock_timeout;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropConstraint},
    check,
};

}  // namespace db_guard::rules
