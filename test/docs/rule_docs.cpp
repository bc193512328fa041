// Writes the pages of the rules from the rules themselves: rule_docs FOLDER.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "rules/choices.hpp"
#include "rules/registry.hpp"

using db_guard::rules::all_rules;
using db_guard::rules::Rule;
namespace core = db_guard::core;
namespace ddl = db_guard::ddl;

namespace {

std::string operator+(const std::string& left, std::string_view right) {
  return std::string(left).append(right);
}

// In the order in which people meet them.
struct Family {
  std::string_view name;
  std::string_view heading;
};
constexpr Family kFamilies[] = {
    {"columns", "Adding and changing columns"},
    {"types", "Changing types and rewriting tables"},
    {"constraints", "Adding constraints"},
    {"indexes", "Indexes"},
    {"drops", "Dropping"},
    {"renames", "Renaming"},
    {"partitions", "Partitions"},
    {"triggers", "Triggers, rules and row security"},
    {"maintenance", "Maintenance, locks and changes of data"},
    {"transactions", "Transactions, locks and sessions"},
    {"server", "Settings and roles of the whole server"},
    {"data-types", "Pack `data-types`: types of columns"},
    {"names", "Pack `names`: names of tables and columns"},
    {"structure", "Pack `structure`: what a table has"},
    {"security", "Pack `security`: rights"},
};

std::string sql_block(std::string_view sql) { return std::string("```sql\n") + sql + "\n```\n"; }

std::string severity_text(const Rule& rule) {
  switch (rule.severity) {
    case core::Severity::kBlock:
      return "block: an error, unless `db_guard.mode` says otherwise";
    case core::Severity::kWarn:
      return "warn: a WARNING, and the statement runs";
    default:
      return "note: an entry in the log, and a NOTICE with `db_guard.show_notes = on`";
  }
}

std::string work_text(const Rule& rule) {
  const std::string_view work = rule.work;
  if (rule.lock == ddl::Lock::kNone) return "none";
  if (work == "none") return "none: the lock is brief once it is there";
  if (work == "error") return "none: the server refuses the statement after taking the lock";
  if (work == "refused") return "none: the server refuses the statement at once";
  return std::string(work);
}

std::string server_row(const Rule& rule) {
  if (rule.since_server == Rule{}.since_server) return "";
  return "| PostgreSQL | from " + std::to_string(rule.since_server) + " on |\n";
}

bool is_in_pack(const Rule& rule) { return rule.review != nullptr; }

std::string row(std::string_view name, const std::string& value) {
  return std::string("| ") + name + " | " + value + " |\n";
}

// How something is declared changes nothing about the lock.
std::string facts_table(const Rule& rule) {
  std::string text = std::string("| | |\n|---|---|\n") +
                     row("Rule", std::string("`") + rule.slug + "`") +
                     row("Severity", severity_text(rule)) +
                     row(is_in_pack(rule) ? "Pack" : "Family", std::string(rule.family));
  if (!is_in_pack(rule)) {
    text += row("Lock", std::string(ddl::lock_name(rule.lock)) + ": " + ddl::who_waits(rule.lock)) +
            row("Work under the lock", work_text(rule));
  }
  return text + row("Since", std::string("db_guard ") + rule.since_version) + server_row(rule);
}

std::string pack_section(const Rule& rule) {
  return std::string("## Another taste\n\nThe rule belongs to the pack `") + rule.family +
         "`, one of those that `db_guard.policy_packs` lists. It looks at the\nstatement as it is "
         "written, and says nothing of temporary tables, partitions, and tables made LIKE or OF\n"
         "something. Switched off, or made an error, by itself:\n\n" +
         sql_block(std::string("SELECT db_guard.set_rule('") + rule.slug +
                   "', 'off');    -- or 'warn', 'block'");
}

std::string allow_section(const Rule& rule) {
  return std::string("## To run it all the same\n\n") +
         "Allow this one rule for one transaction, and say why; both are logged in "
         "`db_guard.ddl_log`.\n\n" +
         sql_block(std::string("BEGIN;\nSET LOCAL db_guard.allow = '") + rule.slug +
                   "';\nSET LOCAL db_guard.allow_reason = 'why it is fine here';\n" +
                   "-- the statement\nCOMMIT;") +
         "\nA statement that cannot run inside a transaction block (`CONCURRENTLY`) needs `SET` "
         "before and `RESET`\nafter it instead. Where `db_guard.override_role` names a role, only "
         "its members may do this.\n";
}

// A rule that looks at work finds nothing in a table where the work is short.
std::string size_note(const Rule& rule) {
  if (rule.work == "none" || rule.work == "refused") return "";
  if (rule.work == "error") return "\nTables without any data are left alone.\n";
  return "\nWhere the tables it reaches are no larger than `db_guard.small_table_size` (10 MB "
         "unless set), "
         "nothing is reported:\nthe work is done at once.\n";
}

// The rule without a check has no statements to offer: it knows that a table is rewritten, not why.
std::string hint_note(const Rule& rule) {
  if (rule.check == nullptr) return "";
  return "\n\nWhere there is an online way, the HINT has its statements for the table at hand, "
         "with its "
         "own names.";
}

std::string setup_section(const Rule& rule) {
  if (rule.setup.empty()) return "";
  return std::string(is_in_pack(rule) ? "With this:\n\n"
                                      : "With these tables, filled and in use:\n\n") +
         sql_block(rule.setup) + "\n";
}

std::string page_of(const Rule& rule) {
  return std::string("# ") + rule.title + "\n\n" +
         "<!-- Generated from src/rules by `make docs`: edit the rule, not this page. -->\n\n" +
         facts_table(rule) + "\n## What happens\n\n" + rule.what + "\n" + size_note(rule) +
         "\n## Why it hurts\n\n" + rule.why + "\n\n## The safe way\n\n" + rule.safe_way +
         hint_note(rule) + "\n\n## Example\n\n" + setup_section(rule) + "Reported:\n\n" +
         sql_block(rule.bad_example) + "\nNot reported:\n\n" + sql_block(rule.good_example) + "\n" +
         (is_in_pack(rule) ? pack_section(rule) : allow_section(rule));
}

std::string family_row(const Rule& rule) {
  std::string text = std::string("| [`") + rule.slug + "`](" + rule.slug + ".md) | " + rule.title +
                     " | " + core::severity_name(rule.severity) + " |";
  if (!is_in_pack(rule)) text = text + " " + ddl::lock_name(rule.lock) + " | " + rule.work + " |";
  return text + "\n";
}

bool is_pack(std::string_view family) { return !db_guard::rules::PackSet().has(family); }

std::string family_section(const Family& family) {
  std::string text =
      std::string("## ") + family.heading + "\n\n" +
      (is_pack(family.name)
           ? "| Rule | What it notes | Severity |\n|---|---|---|\n"
           : "| Rule | Hazard | Severity | Lock | Work under it |\n|---|---|---|---|---|\n");
  for (const Rule* rule : all_rules()) {
    if (rule->family == family.name) text += family_row(*rule);
  }
  return text + "\n";
}

constexpr std::string_view kIntroduction = R"(# Rules

<!-- Generated from src/rules by `make docs`: edit the rules, not this page. -->

What db_guard looks for in DDL. A rule speaks up where its hazard is real: not for temporary tables, not for
tables made in the same transaction or made by this session and used by no other, and, where the hazard is only
the time that work takes under a lock, not for tables up to `db_guard.small_table_size`.

The rules of the four packs at the end are another kind: they look at how something is declared, whatever it
does to others. They are notes, and [db_guard.policy_packs](../guard.md#policy-packs) says which of them hold.

The same list, with the same texts, is the view `db_guard.rules`.

)";

constexpr std::string_view kElsewhere = R"(## What no rule looks at

[The catalogue](../catalogue.md) has a line for each known hazard of DDL: its rule, or the reason why there is none.
The view `db_guard.coverage` says for each class of commands whether it is judged in the session that asks.

* Rewrites that `ALTER TABLE` does for a reason no other rule foresaw are stopped by
  [`table-rewrite`](table-rewrite.md). The lock is held already by then; the error gives it back.
* Other `CREATE`, `ALTER` and `DROP` statements are recorded in `db_guard.ddl_log`, and judged by no rule.
* Event triggers do not see `TRUNCATE`, `LOCK`, `VACUUM FULL`, `CLUSTER`, `DROP DATABASE`, `REINDEX` before PostgreSQL
  17, roles, tablespaces and `ALTER SYSTEM`: they are judged where the library is preloaded, and by the linter.
* `UPDATE`, `DELETE` and `INSERT` are no DDL: only the linter looks at them.
)";

std::string index_page() {
  std::string text(kIntroduction);
  for (const Family& family : kFamilies) text += family_section(family);
  return text + kElsewhere;
}

bool has_family(const Rule& rule) {
  for (const Family& family : kFamilies) {
    if (family.name == rule.family) return true;
  }
  return false;
}

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) std::cerr << "cannot write " << path << "\n";
  return bool(file);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: rule_docs FOLDER\n";
    return 2;
  }
  const std::string folder = arguments[1];
  bool done = write(folder + "/index.md", index_page());
  for (const Rule* rule : all_rules()) {
    if (!has_family(*rule)) {
      std::cerr << rule->slug << ": unknown family " << rule->family << "\n";
      done = false;
    }
    done = write(folder + "/" + rule->slug + ".md", page_of(*rule)) && done;
  }
  return done ? 0 : 1;
}
