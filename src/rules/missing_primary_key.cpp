#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "missing-primary-key";

void review(const Review& review, Findings& findings) {
  const ddl::TableSpec& table = review.declaration.table;
  if (!table.primary_key.empty() || table.unlogged || table.inherits) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"table ", review.object, " has no primary key"});
  finding.detail = Text("Equal rows cannot be told apart, and once such a table is published for "
                        "logical replication, "
                        "UPDATE and DELETE on it fail.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule missing_primary_key;
constexpr Rule missing_primary_key = in_pack(
    {
        kSlug,
        "structure",
        Severity::kNote,
        "A table without a primary key",
        "CREATE TABLE declares no primary key.",
        "Two equal rows cannot be told apart, logical replication cannot carry UPDATE and DELETE, "
        "and "
        "a batched update has nothing to go by.",
        "A primary key, in CREATE TABLE where it can be. Unlogged and inheriting tables are left "
        "alone. A key that a later ALTER TABLE adds is not foreseen.",
        "",
        "CREATE TABLE entries (note text);",
        "CREATE TABLE entries (id uuid PRIMARY KEY, note text);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
