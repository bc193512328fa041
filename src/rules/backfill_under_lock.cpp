#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "backfill-under-lock";

void check_end(const Context& context, const ddl::Touched& touched, Findings& findings) {
  // Nobody but REFRESH writes to a materialized view.
  if (!ddl::blocks_writes(touched.lock) || context.relation().kind == 'm') return;
  if (touched.bytes_written <= context.small_table_size) return;
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  finding.message =
      concat({"this transaction ", context.facts.transaction().predicted ? "writes" : "has written",
              " about ", core::pretty_bytes(touched.bytes_written), " to ",
              table_with_size(context), " under ", ddl::lock_name(touched.lock), "; ",
              ddl::who_waits(touched.lock), " until it ends"});
  finding.detail =
      Text("The change of the table needs its lock for a moment only, but a lock is held until the "
           "transaction ends. Commit after it, and change the rows in batches, each committed by "
           "itself.");
  add_evidence(finding, "bytes_written", double(touched.bytes_written));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule backfill_under_lock;
constexpr Rule backfill_under_lock = {
    kSlug,
    "transactions",
    Severity::kWarn,
    "Changing rows under the lock of an earlier ALTER TABLE",
    "A transaction changes many rows of a table that an earlier statement of it has locked against "
    "writes. It is reported before commit, when the harm is done; next time it can be two "
    "transactions.",
    "Reads and writes wait for the whole change of data, not only for the ALTER TABLE.",
    "Commit the ALTER TABLE first, then change the rows in batches.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "BEGIN;\nALTER TABLE orders ADD COLUMN gross numeric;\nUPDATE orders SET gross = total * "
    "1.19;\nCOMMIT;",
    "ALTER TABLE orders ADD COLUMN gross numeric;\nUPDATE orders SET gross = total * 1.19;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {},
    nullptr,
    check_end,
};

}  // namespace db_guard::rules
