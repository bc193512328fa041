#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-rewrite";

void check(const Context& context, Findings& findings) {
  if (!context.work.rewrite) return;
  if (is_small(context)) return;
  const ddl::TypeChange& change = context.type_change();
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message = concat({type_change_words(context, change), " and rewrites it; ",
                            "reads and writes wait until it is done"});
  finding.detail = concat(
      {"Every value is converted, so every row is written anew", rebuilt_indexes(context), "."});
  if (!change.checked.empty()) {
    finding.detail.append(
        concat({" CHECK constraints verified again: ", core::list_of(change.checked, 5), "."}));
  }
  add_type_change_way(context, change, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_rewrite;
constexpr Rule alter_column_type_rewrite = {
    kSlug,
    "types",
    Severity::kBlock,
    "Changing a column type with a table rewrite",
    "Takes ACCESS EXCLUSIVE, writes the whole table anew and rebuilds every index.",
    "Reads and writes wait for all of it, and the disk needs room for a second copy. A longer "
    "varchar, varchar to text, a larger numeric precision and a few more change only the catalog, "
    "and pass.",
    "Add a column of the new type, keep both in step with a trigger, backfill in "
    "batches, give it like indexes, constraints and foreign keys, then swap the names in one short "
    "transaction. Where the new type is narrower, show by a CHECK constraint first that all fit.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, quantity integer, note "
    "varchar(50));\nINSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN quantity TYPE bigint;",
    "ALTER TABLE orders ADD COLUMN quantity_new bigint;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kSetColumnType},
    check,
};

}  // namespace db_guard::rules
