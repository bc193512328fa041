#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "create-extension-unpinned";

void review(const Review& review, Findings& findings) {
  if (!review.declaration.version.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"extension ", review.object,
                            " is made in whatever version this server "
                            "has as its default"});
  finding.detail = Text(
      "Another server may have another one, and the same script then makes something else. VERSION "
      "says which is meant.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_extension_unpinned;
constexpr Rule create_extension_unpinned = in_pack(
    {
        kSlug,
        "structure",
        Severity::kNote,
        "An extension without a version",
        "CREATE EXTENSION names no version.",
        "It installs what the server at hand has as its default. Two servers made by the same "
        "script "
        "can differ, and a difference is found when a function is missing.",
        "CREATE EXTENSION ... VERSION '1.3', and ALTER EXTENSION ... UPDATE TO in a migration of "
        "its "
        "own.",
        "",
        "CREATE EXTENSION IF NOT EXISTS plpgsql;",
        "CREATE EXTENSION IF NOT EXISTS plpgsql VERSION '1.0';",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kExtension}, review);

}  // namespace db_guard::rules
