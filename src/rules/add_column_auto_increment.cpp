#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-auto-increment";

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
  append_added_column_steps(context, finding.safe_sql);
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
