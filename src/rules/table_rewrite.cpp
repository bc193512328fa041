#include "rules/wording.hpp"

namespace db_guard::rules {

namespace {

// This one looks at no action: the server itself reports the rewrite, by the table_rewrite event,
// and guard/ makes the finding. That way a rewrite which no other rule foresaw is stopped too.
constexpr std::string_view kSlug = "table-rewrite";

}  // namespace

extern const Rule table_rewrite;
constexpr Rule table_rewrite = {
    kSlug,
    "types",
    Severity::kBlock,
    "Rewriting a table",
    "The server is about to write the whole table anew and to rebuild every index. "
    "ACCESS EXCLUSIVE is held already; the error gives it back.",
    "Reads and writes wait until the rewrite is done. This rule is the last net, for rewrites that "
    "no other one foresees: stored generated columns, constrained domains, SET LOGGED, SET ACCESS "
    "METHOD and others.",
    "Add a plain column with a trigger and a batched backfill in place of a generated "
    "one; a CHECK constraint added NOT VALID in place of a constrained domain; a "
    "maintenance window for the rest.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, net numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (net * 1.19) STORED;",
    "ALTER TABLE orders ADD COLUMN gross numeric;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {},
    nullptr,
};

}  // namespace db_guard::rules
