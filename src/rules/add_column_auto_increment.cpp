#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-auto-increment";

// The sequence that numbered the rows hands over to the identity's own at the number it has
// reached.
Text become_identity(const Context& context, const Text& sequence, bool always) {
  ddl::Facts& facts = context.facts;
  const Text& table = context.relation().display;
  const Text& name = context.action.column;
  return core::fill("BEGIN;\n"
                    "SET LOCAL lock_timeout = '2s';\n"
                    "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT,\n"
                    "  ALTER COLUMN {column} ADD GENERATED {kind} AS IDENTITY;\n"
                    "SELECT setval(pg_get_serial_sequence({table literal}, {column literal}),\n"
                    "  nextval({sequence literal}), false);\n"
                    "DROP SEQUENCE {sequence};\n"
                    "COMMIT;",
                    {{"table", table},
                     {"column", facts.quote(name)},
                     {"kind", always ? "ALWAYS" : "BY DEFAULT"},
                     {"table literal", facts.quote_literal(table)},
                     {"column literal", facts.quote_literal(name)},
                     {"sequence literal", facts.quote_literal(sequence)},
                     {"sequence", sequence}});
}

void append_steps(const Context& context, const ddl::NewColumn& added, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const Text& table = relation.display;
  const Text& name = context.action.column;
  const Text column = facts.quote(name);
  // An identity brings a sequence of its own, under the name that a serial's would have.
  const Text sequence =
      concat({facts.quote(relation.schema), ".",
              facts.quote(facts.free_name(relation, name, added.identity ? "start" : "seq"))});
  const Text next = concat({"pg_catalog.nextval(", facts.quote_literal(sequence), "::regclass)"});
  const Text owned = concat({" OWNED BY ", table, ".", column});
  steps.push_back(concat({"ALTER TABLE ", table, " ADD COLUMN ", column, " ", added.type, ";"}));
  steps.push_back(concat(
      {"CREATE SEQUENCE ", sequence, " AS ", added.type, added.identity ? Text() : owned, ";"}));
  steps.push_back(
      concat({"ALTER TABLE ", table, " ALTER COLUMN ", column, " SET DEFAULT ", next, ";"}));
  steps.push_back(
      backfill_step(context, concat({column, " = DEFAULT"}), concat({column, " IS NULL"})));
  append_not_null_steps(context, name, steps);
  if (added.identity) steps.push_back(become_identity(context, sequence, added.identity_always));
  append_inline_key(context, steps);
}

void check(const Context& context, Findings& findings) {
  if (!context.work.rewrite) return;
  const ddl::NewColumn& added = context.added();
  if ((!added.serial && !added.identity) || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message = concat({"adding ", added.serial ? "serial" : "identity", " column ",
                            context.facts.quote(context.action.column),
                            " takes ACCESS EXCLUSIVE on ", table_with_size(context),
                            " and rewrites it; reads and writes wait until it is done"});
  finding.detail = concat({"Every row gets a number of its own, so every row is written anew",
                           rebuilt_indexes(context), "."});
  append_steps(context, added, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_auto_increment;
constexpr Rule add_column_auto_increment = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a serial or identity column",
    "Takes ACCESS EXCLUSIVE, writes the whole table anew and rebuilds every index.",
    "Every existing row needs a number of its own, so the server cannot keep one value in the "
    "catalog as it does for a constant default. Reads and writes wait until every row is written.",
    "Add a plain column, create a sequence, SET DEFAULT nextval, backfill in batches, "
    "then give it NOT NULL. A column that is to be an identity becomes one at the end.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN position bigserial;",
    "ALTER TABLE orders ADD COLUMN position bigint;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
