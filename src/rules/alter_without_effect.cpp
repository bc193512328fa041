#include "core/sql_text.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-without-effect";

// What is so already; empty: something will change.
Text what_stands(const Context& context) {
  const auto& column = context.column();
  if (!column || context.work.is_long()) return {};
  const Text quoted = context.facts.quote(column->name);
  switch (context.action.kind) {
    case ddl::ActionKind::kAddColumn:
      if (!context.action.if_not_exists) return {};
      return concat({"column ", quoted, " is there already"});
    case ddl::ActionKind::kSetNotNull:
      if (!column->not_null) return {};
      return concat({"column ", quoted, " is NOT NULL already"});
    default: {
      const ddl::TypeChange& change = context.type_change();
      if (change.refused || change.converts || change.old_type != change.new_type) return {};
      return concat({"column ", quoted, " is of type ", change.new_type, " already"});
    }
  }
}

// IF NOT EXISTS looks only when the lock is held.
void append_steps(const Context& context, Vector<Text>& steps) {
  const Text& clause = context.action.clause;
  if (context.action.kind != ddl::ActionKind::kAddColumn || clause.empty()) return;
  ddl::Facts& facts = context.facts;
  const Text& table = context.relation().display;
  steps.push_back(core::fill("DO {quote}\nBEGIN\n"
                             "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute\n"
                             "      WHERE attrelid = {literal}::regclass AND attname = {column}\n"
                             "        AND NOT attisdropped) THEN\n"
                             "    ALTER TABLE {table} {clause};\n"
                             "  END IF;\n"
                             "END {quote};",
                             {{"quote", dollar_quote("add", {table, clause})},
                              {"literal", facts.quote_literal(table)},
                              {"column", facts.quote_literal(context.action.column)},
                              {"table", table},
                              {"clause", core::trim_comments(clause)}}));
}

void check(const Context& context, Findings& findings) {
  if (is_small(context)) return;
  const Text stands = what_stands(context);
  if (stands.empty()) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = context.action.column;
  finding.message =
      concat({stands, ", and the statement takes ACCESS EXCLUSIVE on ", table_with_size(context),
              " for nothing; reads and writes wait while it queues"});
  finding.detail = Text(
      "The server looks only when it holds the lock. Look into the catalog before, or leave the "
      "statement out where it was run already.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_without_effect;
constexpr Rule alter_without_effect = {
    kSlug,
    "columns",
    Severity::kNote,
    "Altering a column to what it is already",
    "ADD COLUMN IF NOT EXISTS where the column exists, a change to the same type, SET NOT NULL on "
    "a column that is NOT NULL: nothing changes, and ACCESS EXCLUSIVE is taken all the same. The "
    "change of type also loses the statistics of the column.",
    "A migration that is run again \"because it does no harm\" makes everybody wait behind it as "
    "long as it waits for a running query.",
    "Ask the catalog first, and issue the statement only where something is to be done.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total numeric;",
    "DO $$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'orders'::regclass "
    "AND attname = 'note') THEN\n    ALTER TABLE orders ADD COLUMN note text;\n  END IF;\nEND $$;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kAddColumn, ddl::ActionKind::kSetColumnType, ddl::ActionKind::kSetNotNull},
    check,
    nullptr,
    false,
    true,
};

}  // namespace db_guard::rules
