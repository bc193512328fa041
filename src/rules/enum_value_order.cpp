#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "enum-value-order";

void review(const Review& review, Findings& findings) {
  if (review.declaration.placed) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"value \"", review.declaration.value, "\" of type ", review.object,
                            " goes to the end of the order"});
  finding.detail = Text(
      "ORDER BY and comparisons go by that order, and a value can never be moved. BEFORE or AFTER "
      "another value says where it belongs.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule enum_value_order;
constexpr Rule enum_value_order = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "An enum value without a place",
        "ALTER TYPE ... ADD VALUE says neither BEFORE nor AFTER.",
        "The value goes to the end. ORDER BY, comparisons and range queries go by that order, and "
        "a "
        "value can never be moved.",
        "Say BEFORE or AFTER which value it comes, also where that is the last one.",
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');",
        "ALTER TYPE mood ADD VALUE 'angry';",
        "ALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad';",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kEnumValue}, review);

}  // namespace db_guard::rules
