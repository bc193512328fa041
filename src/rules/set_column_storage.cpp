#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "set-column-storage";

void check(const Context& context, Findings& findings) {
  if (!context.column() || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = context.action.column;
  finding.message =
      concat({"the new storage of column ", context.facts.quote(context.action.column), " of ",
              table_with_size(context), " is for values to come; those of now stay as they are"});
  finding.detail =
      Text("A value changes its storage when its row is written again. The statement takes ACCESS "
           "EXCLUSIVE, briefly.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule set_column_storage;
constexpr Rule set_column_storage = {
    kSlug,
    "columns",
    Severity::kNote,
    "SET STORAGE and SET COMPRESSION",
    "Takes ACCESS EXCLUSIVE, briefly, for a change that is about values to come. SET STATISTICS "
    "takes a weaker lock, which lets reads and writes go on.",
    "The table gets no smaller by it: values of now stay as they are until their row is written "
    "again.",
    "Set a lock_timeout and try again when it runs out. For new columns say STORAGE or COMPRESSION "
    "when they are added, or set default_toast_compression.",
    "CREATE TABLE documents (id bigint PRIMARY KEY, body text);\nINSERT INTO documents SELECT g, "
    "g FROM generate_series(1, 1000) g;",
    "ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;",
    "ALTER TABLE documents ALTER COLUMN body SET STATISTICS 1000;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kSetStorage},
    check,
};

}  // namespace db_guard::rules
