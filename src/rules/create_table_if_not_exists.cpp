#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-table-if-not-exists";

bool is_table(const ddl::Relation& relation) {
  return std::string_view("rpf").find(relation.kind) != std::string_view::npos;
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const auto there = facts.namesake(context.action.target);
  if (!there) return;
  Vector<Text> differences;
  if (is_table(*there)) {
    differences = facts.differences(*there, context.action);
  } else {
    differences.emplace_back("it is no table");
  }
  if (differences.empty()) return;
  constexpr std::size_t kMostDifferences = 8;
  Finding finding = make_object_finding(context, kSlug, Severity::kWarn);
  finding.object = there->display;
  finding.place.schema = there->schema;
  finding.place.table = there->name;
  finding.message = concat({there->display, " exists already and is not what the statement "
                                            "describes; IF NOT EXISTS does nothing"});
  finding.detail =
      concat({"Of what exists: ", core::list_of(differences, kMostDifferences),
              ". The statement succeeds all the same, and what comes after it may fail."});
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_table_if_not_exists;
constexpr Rule create_table_if_not_exists = {
    kSlug,
    "columns",
    Severity::kWarn,
    "CREATE TABLE IF NOT EXISTS beside a different table",
    "The server looks at the name alone. Where a relation of that name exists, it does nothing and "
    "says so in a NOTICE only.",
    "The script goes on as if the table were what it describes. Missing columns show up later, in "
    "production, as errors of the code that uses them.",
    "Leave IF NOT EXISTS out, so that the server refuses; or bring the table that exists to where "
    "it should be with ALTER TABLE.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total integer);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;",
    "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, total numeric, note text);",
    "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, total integer);",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kCreateTable},
    check,
};

}  // namespace db_guard::rules
