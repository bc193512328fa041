// Serial and identity columns without a rewrite: a sequence first, what owns it last.
#include "core/sql_text.hpp"
#include "core/sql_tokens.hpp"
#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

// What stands in the parentheses of GENERATED ... AS IDENTITY (...).
std::string_view options_of_identity(const ddl::Action& action) {
  for (const ddl::ColumnPart& part : action.parts) {
    if (part.kind != ddl::PartKind::kIdentity) continue;
    const std::string_view sql = part.sql;
    for (auto token = core::next_token(sql, 0); token.kind != core::TokenKind::kEnd;
         token = core::next_token(sql, token.end())) {
      if (token.text == "(")
        return core::trim_comments(sql.substr(token.end(), sql.size() - token.end() - 1));
    }
  }
  return {};
}

// SEQUENCE NAME is of the identity's own sequence.
bool names_the_sequence(std::string_view options) {
  for (auto token = core::next_token(options, 0); token.kind != core::TokenKind::kEnd;
       token = core::next_token(options, token.end())) {
    if (core::is_keyword(token, "name")) return true;
  }
  return false;
}

// The sequence that numbered the rows hands over to the identity's own at the number it has
// reached.
Text become_identity(const Context& context, const Text& sequence, std::string_view options) {
  ddl::Facts& facts = context.facts;
  const Text& table = context.relation().display;
  const Text& name = context.action.column;
  return core::fill("BEGIN;\n"
                    "SET LOCAL lock_timeout = '2s';\n"
                    "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT,\n"
                    "  ALTER COLUMN {column} ADD GENERATED {kind} AS IDENTITY{options};\n"
                    "SELECT setval(pg_get_serial_sequence({table literal}, {column literal}),\n"
                    "  nextval({sequence literal}), false);\n"
                    "DROP SEQUENCE {sequence};\n"
                    "COMMIT;",
                    {{"table", table},
                     {"column", facts.quote(name)},
                     {"kind", context.added().identity_always ? "ALWAYS" : "BY DEFAULT"},
                     {"options", options.empty() ? Text() : concat({" (", options, ")"})},
                     {"table literal", facts.quote_literal(table)},
                     {"column literal", facts.quote_literal(name)},
                     {"sequence literal", facts.quote_literal(sequence)},
                     {"sequence", sequence}});
}

}  // namespace

Numbering append_numbering_steps(const Context& context, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::NewColumn& added = context.added();
  const ddl::Relation& relation = context.relation();
  const Text& name = context.action.column;
  const Text column = facts.quote(name);
  const std::string_view options = options_of_identity(context.action);
  // An identity brings a sequence of its own, under the name that a serial's would have.
  Numbering numbering;
  numbering.sequence =
      concat({facts.quote(relation.schema), ".",
              facts.quote(facts.free_name(relation, name, added.identity ? "start" : "seq"))});
  const Text& sequence = numbering.sequence;
  const Text own = names_the_sequence(options) || options.empty() ? Text() : concat({" ", options});
  const Text owned = concat({" OWNED BY ", relation.display, ".", column});
  steps.push_back(concat(
      {"CREATE SEQUENCE ", sequence, " AS ", added.type, added.identity ? own : owned, ";"}));
  steps.push_back(
      concat({"ALTER TABLE ", relation.display, " ALTER COLUMN ", column,
              " SET DEFAULT pg_catalog.nextval(", facts.quote_literal(sequence), "::regclass);"}));
  steps.push_back(
      backfill_step(context, concat({column, " = DEFAULT"}), concat({column, " IS NULL"})));
  if (added.identity) numbering.identity = become_identity(context, sequence, options);
  return numbering;
}

}  // namespace db_guard::rules
