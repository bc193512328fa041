#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "grant-to-public";

void review(const Review& review, Findings& findings) {
  const ddl::GrantSpec& grant = review.declaration.grant;
  if (!grant.to_public || grant.usual_for_public) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({"every role, now and later, gets ", grant.privileges, " on ", review.object});
  finding.detail =
      Text("PUBLIC cannot be narrowed down: no REVOKE from a single role takes the right from it. "
           "The members of a group role can be chosen.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule grant_to_public;
constexpr Rule grant_to_public = in_pack(
    {
        kSlug,
        "security",
        Severity::kNote,
        "Rights for everybody",
        "GRANT gives PUBLIC rights that it does not have by itself: on tables, sequences, large "
        "objects or foreign servers, or to create in a schema.",
        "PUBLIC is every role, those that will be made later included, and no REVOKE from a single "
        "role takes the right from it.",
        "GRANT to a group role, and that role to those who need it. EXECUTE on functions and USAGE "
        "of "
        "types, languages and schemas are left alone.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "GRANT SELECT ON orders TO PUBLIC;",
        "GRANT SELECT ON orders TO pg_monitor;",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kGrant}, review);

}  // namespace db_guard::rules
