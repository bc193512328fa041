#include "core/sql_text.hpp"
#include "rules/reached_tables.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-domain-scan";

std::uint64_t bytes_of(const Context& context, const Vector<Reached>& tables) {
  std::uint64_t bytes = 0;
  for (const Reached& table : tables) bytes += context.facts.size(table.relation).bytes;
  return bytes;
}

Text tables_text(const Context& context, const Vector<Reached>& tables) {
  Vector<Text> names;
  for (const Reached& table : tables) {
    const ddl::Size size = context.facts.size(table.relation);
    names.push_back(concat({table.relation.display, " (", core::pretty_bytes(size.bytes), ")"}));
  }
  return core::list_of(names, 5);
}

std::string_view deed(const Context& context) {
  switch (context.action.kind) {
    case ddl::ActionKind::kSetDomainNotNull:
      return "making domain ";
    case ddl::ActionKind::kValidateDomainConstraint:
      return "validating a constraint of domain ";
    default:
      return "adding a constraint to domain ";
  }
}

// New values have to pass at once; the rows of now are left alone, and so are the tables.
void append_steps(const Context& context, Vector<Text>& steps) {
  const ddl::Action& action = context.action;
  const std::string_view statement = action.clause;
  if (action.kind == ddl::ActionKind::kAddDomainConstraint && !statement.empty()) {
    const std::size_t end = core::end_of_code(statement);
    steps.push_back(concat({statement.substr(0, end), " NOT VALID", statement.substr(end),
                            end < statement.size() ? "\n;" : ";"}));
  } else if (action.kind == ddl::ActionKind::kSetDomainNotNull) {
    steps.push_back(concat({"ALTER DOMAIN ", context.relation().display,
                            " ADD CHECK (VALUE IS NOT NULL) NOT VALID;"}));
  }
}

Finding finding_on(const Context& context, const Vector<Reached>& tables) {
  const ddl::Relation& first = tables.front().relation;
  Finding finding;
  finding.rule = kSlug;
  finding.object = context.relation().display;
  finding.place.schema = first.schema;
  finding.place.table = first.name;
  finding.place.constraint = context.action.constraint;
  add_evidence(finding, "lock", Text(ddl::lock_mode(tables.front().effect.lock)));
  add_evidence(finding, "bytes", double(bytes_of(context, tables)));
  return finding;
}

void check(const Context& context, Findings& findings) {
  const Vector<Reached> tables = tables_at_work(context);
  if (tables.empty() || bytes_of(context, tables) <= context.small_table_size) return;
  const bool not_null = context.action.kind == ddl::ActionKind::kSetDomainNotNull;
  Finding finding = finding_on(context, tables);
  finding.message = concat({deed(context), context.relation().display, not_null ? " NOT NULL" : "",
                            " takes SHARE on every table that uses it and scans them all: ",
                            tables_text(context, tables), "; writes wait until the last is done"});
  finding.detail = Text(
      context.action.kind == ddl::ActionKind::kValidateDomainConstraint
          ? "Validating a domain's constraint takes SHARE too, unlike a table's: there is no "
            "online "
            "way. Do it when nobody writes. Until then the constraint binds every new value."
          : "A constraint that is NOT VALID takes no lock on tables and binds every new value. To "
            "look at the values of now there is no online way: ALTER DOMAIN ... VALIDATE "
            "CONSTRAINT "
            "takes SHARE on every table as well. A CHECK on each table instead can be validated "
            "while writes go on.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_domain_scan;
constexpr Rule alter_domain_scan = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Changing a domain that tables use",
    "A new constraint, SET NOT NULL and VALIDATE CONSTRAINT take SHARE on every table with a "
    "column "
    "of the domain, or of a domain over it, and read them all.",
    "Writes to all these tables wait until the last has been read, and the statement names none of "
    "them.",
    "Add the constraint NOT VALID: that locks no table, and binds every new value. Validate it "
    "when "
    "nobody writes, or put a CHECK on each table instead, which can be validated while writes go "
    "on.",
    "CREATE DOMAIN email AS text;\nCREATE TABLE users (id bigint PRIMARY KEY, address "
    "email);\nINSERT INTO users SELECT g, g || '@example.com' FROM generate_series(1, 1000) g;",
    "ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE ~ '@');",
    "ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE ~ '@') NOT VALID;",
    "0.1.0",
    ddl::Lock::kShare,
    "scan",
    {ddl::ActionKind::kAddDomainConstraint, ddl::ActionKind::kSetDomainNotNull,
     ddl::ActionKind::kValidateDomainConstraint},
    check,
};

}  // namespace db_guard::rules
