#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "vacuum-full";

Text message_of(const Context& context) {
  const ddl::Action& action = context.action;
  if (action.kind == ddl::ActionKind::kRebuildAll) {
    return concat({action.object_kind, " of all tables (",
                   core::pretty_bytes(context.bytes_at_work()),
                   ") takes ACCESS EXCLUSIVE on one after the other and rewrites it; its reads and "
                   "writes wait until it is done"});
  }
  return concat({action.object_kind, " takes ACCESS EXCLUSIVE on ", table_with_size(context),
                 " and rewrites it; reads and writes wait until it is done"});
}

void check(const Context& context, Findings& findings) {
  const bool all = context.action.kind == ddl::ActionKind::kRebuildAll;
  if (context.bytes_at_work() <= context.small_table_size) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.message = message_of(context);
  finding.detail = Text(
      "It writes the table anew, builds every index of it again, and needs as much free space as "
      "both take.");
  if (context.action.object_kind == "VACUUM FULL") {
    finding.safe_sql.push_back(all ? Text("VACUUM;")
                                   : concat({"VACUUM ", context.relation().display, ";"}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule vacuum_full;
constexpr Rule vacuum_full = {
    kSlug,
    "maintenance",
    Severity::kBlock,
    "VACUUM FULL or CLUSTER",
    "The table is written anew and every index is built again, under ACCESS EXCLUSIVE. Without a "
    "table's name that is done to one table after the other.",
    "Reads and writes wait until it is done, and the disk has to hold the table twice. Event "
    "triggers do not see the command: the guard does where its library is preloaded.",
    "A plain VACUUM makes the space usable again without giving it back, beside reads and writes; "
    "with more frequent autovacuum the table does not grow. To shrink or reorder a table online, "
    "use the extension pg_repack or pg_squeeze. Or take a maintenance window.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;\nCLUSTER orders USING orders_pkey;",
    "CLUSTER orders;",
    "VACUUM orders;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kRebuildAll, ddl::ActionKind::kRebuildTable},
    check,
};

}  // namespace db_guard::rules
