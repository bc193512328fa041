#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "copy-many-rows";

// By what is read: the rows that come out of a query are anybody's guess.
Vector<ddl::Relation> sources(const Context& context) {
  Vector<ddl::Relation> tables;
  for (const ddl::Effect& effect : context.effects.relations) {
    const auto relation =
        effect.scan ? context.facts.relation_by_id(effect.relation) : std::nullopt;
    if (relation && relation->has_rows()) tables.push_back(*relation);
  }
  return tables;
}

Text subject_of(const Context& context) {
  const Text& name = context.relation().display;
  if (context.action.kind == ddl::ActionKind::kInsertSelect) {
    return concat({"INSERT ... SELECT into ", table_with_size(context)});
  }
  return concat({context.action.object_kind, " ", name});
}

void check(const Context& context, Findings& findings) {
  if (!context.action.with_data) return;
  const auto tables = sources(context);
  const std::uint64_t bytes = bytes_of(context.facts, tables);
  if (bytes <= context.small_table_size) return;
  const bool inserts = context.action.kind == ddl::ActionKind::kInsertSelect;
  Finding finding = inserts ? make_finding(context, kSlug, Severity::kNote)
                            : make_object_finding(context, kSlug, Severity::kNote);
  add_evidence(finding, "bytes_read", double(bytes));
  finding.message = concat({subject_of(context), " reads ", names_with_sizes(context.facts, tables),
                            " in one transaction"});
  finding.detail =
      Text("Reads and writes go on beside it. Until it ends, vacuum cannot remove what it may "
           "still see, "
           "in any table, and ALTER TABLE on what it reads waits, with everybody behind it.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule copy_many_rows;
constexpr Rule copy_many_rows = {
    kSlug,
    "maintenance",
    Severity::kNote,
    "Copying many rows in one transaction",
    "CREATE TABLE AS, CREATE MATERIALIZED VIEW, SELECT INTO or INSERT ... SELECT read more than "
    "db_guard.small_table_size. Nobody waits for that by itself.",
    "A transaction that runs for long holds back vacuum in the whole database, and DDL on the "
    "tables "
    "it reads has to wait for it, with all later statements behind.",
    "Copy in batches where the rows allow it. Make a materialized view WITH NO DATA first, and "
    "refresh it when there is time. Do not put DDL into the same transaction.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;\nANALYZE orders;",
    "CREATE MATERIALIZED VIEW totals AS SELECT id, total FROM orders;",
    "CREATE MATERIALIZED VIEW totals AS SELECT id, total FROM orders WITH NO DATA;",
    "0.1.0",
    ddl::Lock::kAccessShare,
    "scan",
    {ddl::ActionKind::kCreateTableAs, ddl::ActionKind::kInsertSelect},
    check,
};

}  // namespace db_guard::rules
