#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-exclusion-constraint";

void check(const Context& context, Findings& findings) {
  if (!context.work.index_build || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"adding an exclusion constraint takes ", ddl::lock_name(context.lock),
                            " on ", table_with_size(context), " and builds an index; ",
                            ddl::who_waits(context.lock), " until it is done"});
  finding.detail =
      Text("There is no online way: the index of an exclusion constraint cannot be built "
           "beforehand, and "
           "the constraint cannot be NOT VALID. Plan a window, or fill a new table that has the "
           "constraint and let it take the place of this one.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_exclusion_constraint;
constexpr Rule add_exclusion_constraint = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Adding an exclusion constraint",
    "Takes ACCESS EXCLUSIVE, builds an index over the whole table and looks for conflicts with "
    "every row.",
    "Reads and writes wait until it is done, and when two rows exclude each other it was for "
    "nothing. Neither CONCURRENTLY nor NOT VALID exists for exclusion constraints.",
    "There is no online way. Look for conflicting rows with a query beforehand, and add it in a "
    "window, with an override that gives the reason; or fill a new table that has the constraint "
    "and let it take the place of the old one.",
    "CREATE TABLE bookings (id bigint PRIMARY KEY, during int4range);\nINSERT INTO bookings SELECT "
    "g, int4range(g, g + 1) FROM generate_series(1, 1000) g;",
    "ALTER TABLE bookings ADD CONSTRAINT bookings_during_excl EXCLUDE USING gist (during WITH &&);",
    "BEGIN;\nSET LOCAL lock_timeout = '2s';\nSET LOCAL db_guard.allow = "
    "'add-exclusion-constraint';\nSET LOCAL db_guard.allow_reason = 'in the window of this "
    "Sunday';\nALTER TABLE bookings ADD CONSTRAINT bookings_during_excl EXCLUDE USING gist (during "
    "WITH &&);\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "index build",
    {ddl::ActionKind::kAddExclusion},
    check,
};

}  // namespace db_guard::rules
