#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-reindex";

void check(const Context& context, Findings& findings) {
  if (context.work.rewrite || !context.work.index_build) return;
  const ddl::TypeChange& change = context.type_change();
  if (is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message = concat({type_change_words(context, change), " and rebuilds ",
                            core::counted(change.rebuilt_indexes.size(), "index", "indexes"),
                            "; reads and writes wait until it is done"});
  finding.detail = concat({"The rows stay as they are, but the order or the operators of ",
                           core::list_of(change.rebuilt_indexes, 5), " do not."});
  add_type_change_way(context, change, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_reindex;
constexpr Rule alter_column_type_reindex = {
    kSlug,
    "types",
    Severity::kBlock,
    "Changing a column type with an index rebuild",
    "Takes ACCESS EXCLUSIVE and rebuilds the indexes whose order or operators change, "
    "though the rows stay as they are.",
    "Reads and writes wait for the index builds.",
    "Drop the index CONCURRENTLY, change the type, build it again CONCURRENTLY; or, when "
    "queries cannot do without the index, go by way of a new column.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, code varchar(20));\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE INDEX orders_code_idx ON "
    "orders (code);",
    "ALTER TABLE orders ALTER COLUMN code TYPE varchar(20) COLLATE \"POSIX\";",
    "ALTER TABLE orders ADD COLUMN code_new varchar(20) COLLATE \"POSIX\";\nCREATE INDEX "
    "CONCURRENTLY orders_code_new_idx ON orders (code_new);",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "index build",
    {ddl::ActionKind::kSetColumnType},
    check,
};

}  // namespace db_guard::rules
