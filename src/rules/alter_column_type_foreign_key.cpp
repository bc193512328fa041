#include <algorithm>

#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-foreign-key";

// The key check reads the referencing table, which may be the other one.
bool all_small(const Context& context, const ddl::TypeChange& change) {
  if (!is_small(context)) return false;
  for (const ddl::ForeignKey& key : change.foreign_keys) {
    if (key.other_bytes > context.small_table_size) return false;
  }
  return true;
}

// Each once, however many keys tie it; a key of the table to itself ties no other.
std::size_t count_other_tables(const Context& context, const ddl::TypeChange& change) {
  Vector<Text> tables;
  for (const ddl::ForeignKey& key : change.foreign_keys) {
    const bool counted = std::find(tables.begin(), tables.end(), key.other_table) != tables.end();
    if (!counted && key.other_table != context.relation().display) {
      tables.push_back(key.other_table);
    }
  }
  return tables.size();
}

Text reach(const Context& context, const ddl::TypeChange& change) {
  const std::size_t others = count_other_tables(context, change);
  if (others == 0) return Text(", and checks the foreign keys of the column row by row");
  return concat({" and on ", core::counted(others, "table", "tables"),
                 " tied to it by foreign keys, and checks those keys row by row"});
}

Text described(const ddl::ForeignKey& key) {
  return concat({key.constraint, key.referencing ? " (references " : " (referenced by ",
                 key.other_table, ", ", size_words(key.other_bytes, key.other_assumed), ")"});
}

void check(const Context& context, Findings& findings) {
  if (!context.work.fk_check) return;
  const ddl::TypeChange& change = context.type_change();
  if (change.foreign_keys.empty() || all_small(context, change)) return;
  Vector<Text> keys;
  for (const ddl::ForeignKey& key : change.foreign_keys) keys.push_back(described(key));
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.place.constraint = change.foreign_keys.front().constraint;
  finding.message = concat({type_change_words(context, change), reach(context, change)});
  finding.detail =
      concat({"Foreign keys made anew and checked under the lock: ", core::list_of(keys, 5), "."});
  add_type_change_way(context, change, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_foreign_key;
constexpr Rule alter_column_type_foreign_key = {
    kSlug,
    "types",
    Severity::kBlock,
    "Changing the type of a foreign key column",
    "Takes ACCESS EXCLUSIVE on the table and on every table that a foreign key ties to "
    "the column, and checks those keys row by row.",
    "Reads and writes also wait on tables that the statement does not even name. Changing a "
    "referenced key reaches every referencing table.",
    "Change both sides by way of new columns: add them, keep them in step with triggers, "
    "backfill, add the foreign keys on them NOT VALID and validate them, then swap the names.",
    "CREATE TABLE customers (id integer PRIMARY KEY);\nCREATE TABLE orders (id bigint "
    "PRIMARY KEY, customer_id integer REFERENCES customers);\nINSERT INTO customers "
    "SELECT generate_series(1, 1000);\nINSERT INTO orders SELECT g, g FROM "
    "generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN customer_id TYPE bigint;",
    "ALTER TABLE orders ADD COLUMN customer_id_new bigint;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kSetColumnType},
    check,
};

}  // namespace db_guard::rules
