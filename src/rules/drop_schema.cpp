#include "rules/losses.hpp"
#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-schema";

void check(const Context& context, Findings& findings) {
  const auto& losses = context.effects.losses;
  if (losses.empty() || !is_first_of_kind(context)) return;
  const LostRows rows = rows_lost(context.facts, losses);
  const Text& schema = context.relation().display;
  Finding finding =
      make_object_finding(context, kSlug, rows.tables > 0 ? Severity::kBlock : Severity::kNote);
  finding.place.schema = context.relation().name;
  add_evidence(finding, "objects", double(losses.size()));
  add_evidence(finding, "bytes", double(rows.bytes));
  finding.message = concat({"dropping schema ", schema, " with CASCADE drops ",
                            losses_by_kind(losses), rows.tables > 0 ? ", with " : "",
                            rows.tables > 0 ? core::pretty_bytes(rows.bytes) : Text(),
                            rows.tables > 0 ? " of rows" : ""});
  finding.detail = concat({"It would drop ", losses_text(losses), "."});
  if (!context.statement.text.empty()) {
    finding.safe_sql.push_back(concat({"-- keep a dump of the schema, then:\n",
                                       allowed_step(kSlug, "nothing in it is needed any more",
                                                    concat({context.statement.text, ";"}))}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_schema;
constexpr Rule drop_schema = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Dropping a schema with what is in it",
    "CASCADE drops every table, view, function and type in the schema, and everything elsewhere "
    "that depends on one of them. ACCESS EXCLUSIVE is taken on all of these at once. An error "
    "where "
    "a table in it holds rows, a note where none does; an empty schema is left alone.",
    "Only a backup brings the rows back, and one statement may lock a thousand relations: reads "
    "and writes wait until the last of its locks is there.",
    "Drop the tables one by one, each when its time has come, and the empty schema in the end. "
    "Keep "
    "a dump.",
    "CREATE SCHEMA archive;\nCREATE TABLE archive.orders (id bigint PRIMARY KEY);\nINSERT INTO "
    "archive.orders SELECT generate_series(1, 1000);",
    "DROP SCHEMA archive CASCADE;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'drop-schema';\nSET LOCAL db_guard.allow_reason = 'dumped "
    "to cold storage';\nDROP SCHEMA archive CASCADE;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropSchema},
    check,
};

}  // namespace db_guard::rules
