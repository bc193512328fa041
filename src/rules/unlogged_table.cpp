#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "unlogged-table";

void review(const Review& review, Findings& findings) {
  if (!review.declaration.table.unlogged) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({"table ", review.object, " is unlogged: a crash of the server empties it"});
  finding.detail = Text("Its rows are not in the WAL. After a crash they are gone, and standbys "
                        "cannot read it at all.");
  const core::Edit word = core::without_word(review.text, "unlogged");
  if (word.from < word.to) offer(review, {word}, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule unlogged_table;
constexpr Rule unlogged_table = in_pack(
    {
        kSlug,
        "structure",
        Severity::kNote,
        "An unlogged table",
        "CREATE UNLOGGED TABLE makes a table whose rows are not in the WAL.",
        "After a crash it is empty, and on standbys it cannot be read at all.",
        "A plain table, unless the rows can be had again from elsewhere.",
        "",
        "CREATE UNLOGGED TABLE entries (note text);",
        "CREATE TABLE entries (id uuid PRIMARY KEY, note text);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
