#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "grant-option";

void review(const Review& review, Findings& findings) {
  const ddl::GrantSpec& grant = review.declaration.grant;
  if (!grant.with_grant_option) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({grant.grantees, " can pass on ", grant.privileges, " on ", review.object});
  finding.detail = Text(
      "To whom they do, nobody is told, and REVOKE then needs CASCADE to reach all who have it.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule grant_option;
constexpr Rule grant_option = in_pack(
    {
        kSlug,
        "security",
        Severity::kNote,
        "Rights that can be passed on",
        "GRANT ... WITH GRANT OPTION.",
        "Whoever has the right gives it to anybody, unasked, and REVOKE then needs CASCADE to "
        "reach "
        "all of them.",
        "GRANT without the option, to a group role whose members are looked after in one place.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "GRANT SELECT ON orders TO pg_monitor WITH GRANT OPTION;",
        "GRANT SELECT ON orders TO pg_monitor;",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kGrant}, review);

}  // namespace db_guard::rules
