#include "rules/reached_tables.hpp"
#include "rules/steps_indexes.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "reindex-blocking";

bool is_of_many(const Context& context) {
  return context.action.kind == ddl::ActionKind::kReindexMany;
}

Text subject_of_many(const Context& context) {
  const std::size_t count = tables_at_work(context).size();
  return concat({core::counted(count, "table", "tables"), " (",
                 core::pretty_bytes(context.bytes_at_work()), ") one after the other"});
}

Text message(const Context& context) {
  return concat({"REINDEX takes SHARE on ",
                 is_of_many(context) ? subject_of_many(context) : table_with_size(context),
                 " and ACCESS EXCLUSIVE on each index while it builds it anew; writes wait until "
                 "it is done, and so do reads that would be planned meanwhile"});
}

Finding finding_on(const Context& context) {
  if (!is_of_many(context)) return make_finding(context, kSlug, Severity::kBlock);
  Finding finding;
  finding.rule = kSlug;
  finding.object = context.relation().display;
  add_evidence(finding, "lock", Text(ddl::lock_mode(ddl::Lock::kShare)));
  add_evidence(finding, "bytes", double(context.bytes_at_work()));
  return finding;
}

void check(const Context& context, Findings& findings) {
  if (context.action.concurrently || !context.work.index_build) return;
  if (context.bytes_at_work() <= context.small_table_size) return;
  Finding finding = finding_on(context);
  finding.message = message(context);
  finding.detail = Text(
      "The planner locks every index of a table, so that new queries on it wait as well. "
      "CONCURRENTLY builds each index beside the old one and lets reads and writes go on; it "
      "cannot "
      "run inside a transaction block, and a build that fails leaves an invalid index with _ccnew "
      "in its name behind: drop it.");
  if (!context.action.clause.empty()) {
    finding.safe_sql.push_back(reindex_concurrently(context.action.clause));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule reindex_blocking;
constexpr Rule reindex_blocking = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "REINDEX without CONCURRENTLY",
    "Takes SHARE on the table and ACCESS EXCLUSIVE on each index while it builds it anew.",
    "Writes wait until it is done. Reads wait too, unless their plan is made already: the planner "
    "locks every index of the table.",
    "REINDEX ... CONCURRENTLY, outside a transaction block.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "REINDEX TABLE orders;",
    "REINDEX TABLE CONCURRENTLY orders;",
    "0.1.0",
    ddl::Lock::kShare,
    "index build",
    {ddl::ActionKind::kReindexIndex, ddl::ActionKind::kReindexMany, ddl::ActionKind::kReindexTable},
    check,
    nullptr,
    false,
    false,
    17,
};

}  // namespace db_guard::rules
