#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-check-constraint";

void check(const Context& context, Findings& findings) {
  if (!context.work.scan || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"adding a CHECK constraint takes ", ddl::lock_name(context.lock),
                            " on ", table_with_size(context), " and scans every row; ",
                            ddl::who_waits(context.lock), " until it is done"});
  finding.detail =
      Text("Added NOT VALID, the constraint holds for every new row at once, without a look at the "
           "others; VALIDATE CONSTRAINT then reads those while reads and writes go on.");
  append_validated_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_check_constraint;
constexpr Rule add_check_constraint = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Adding a CHECK constraint that scans the table",
    "Takes ACCESS EXCLUSIVE and reads the whole table, with all its partitions or descendants, to "
    "see whether every row meets the condition.",
    "Reads and writes wait for the scan, and when one row fails the condition it was for nothing.",
    "Add the constraint NOT VALID, which is brief and binds every new row, then VALIDATE "
    "CONSTRAINT in a transaction of its own: it scans under SHARE UPDATE EXCLUSIVE, and reads and "
    "writes go on.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0);",
    "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;\nALTER TABLE "
    "orders VALIDATE CONSTRAINT total_positive;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kAddCheck},
    check,
};

}  // namespace db_guard::rules
