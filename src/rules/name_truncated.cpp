#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "name-truncated";

void review(const Review& review, Findings& findings) {
  const Vector<Text>& names = review.declarations.cut_names;
  // One report a statement, whatever it does.
  if (names.empty() || &review.declaration != &review.declarations.items.front()) return;
  Finding finding = make_note(review, kSlug);
  const bool one = names.size() == 1;
  finding.message = concat({one ? "the server cuts the name " : "the server cuts the names ",
                            core::list_of(names, 3), one ? ", which is" : ", which are",
                            " longer than 63 bytes"});
  finding.detail = Text(
      "It says so in a NOTICE only. Names that differ behind that place are the same to it, and "
      "tools that look for the long name find nothing.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule name_truncated;
constexpr Rule name_truncated = in_pack(
    {
        kSlug,
        "names",
        Severity::kNote,
        "A name that the server cuts",
        "The statement has a name of more than 63 bytes.",
        "The server cuts it and says so in a NOTICE only. Two names that differ behind the 63rd "
        "byte "
        "are the same to it, and tools that look for the long name find nothing.",
        "A name of up to 63 bytes; letters beyond ASCII count two and more.",
        "",
        "CREATE TABLE a_name_that_says_so_much_about_its_table_that_the_server_cuts_it_off (note "
        "text);",
        "CREATE TABLE a_name_that_says_enough (note text);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kOtherName, DeclarationKind::kTable,
     DeclarationKind::kDomain, DeclarationKind::kEnum, DeclarationKind::kFunction,
     DeclarationKind::kSequence},
    review);

}  // namespace db_guard::rules
