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
    "no other one foresees: typed tables whose type changes, and whatever a later version of the "
    "server does.",
    "Add what is new beside what is there, fill it in batches and swap the names; or plan a "
    "maintenance window.",
    "CREATE TYPE order_line AS (id bigint, quantity integer);\nCREATE TABLE orders OF order_line "
    "(PRIMARY KEY (id));\nINSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TYPE order_line ALTER ATTRIBUTE quantity TYPE bigint CASCADE;",
    "ALTER TYPE order_line ADD ATTRIBUTE note text CASCADE;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {},
    nullptr,
};

}  // namespace db_guard::rules
