#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "enum-type";

void review(const Review& review, Findings& findings) {
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"type ", review.object, " is an enum of ",
                            core::counted(review.declaration.values, "value", "values"),
                            ": values can be added, but never removed"});
  finding.detail =
      Text("Nor can they be put in another order, and a new one cannot be used "
           "in the "
           "transaction that adds it. A table of values with a foreign key, or text with a CHECK "
           "constraint, can change.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule enum_type;
constexpr Rule enum_type = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "An enum instead of a table of values",
        "A type is made with CREATE TYPE ... AS ENUM.",
        "Values of an enum can be added and renamed, but never removed or put in another order, "
        "and a "
        "new one cannot be used in the transaction that adds it. Nothing else can be said of a "
        "value: "
        "no label, no date of retirement.",
        "A table of values and a foreign key to it; or text with a CHECK constraint, which can be "
        "replaced (NOT VALID, then VALIDATE) while the table is in use.",
        "",
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');",
        "CREATE TABLE moods (name text PRIMARY KEY);\nINSERT INTO moods VALUES ('sad'), ('ok'), "
        "('happy');",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kEnum}, review);

}  // namespace db_guard::rules
