// Reads scripts and finds what is hazardous in them. Runs nothing, and waits for nobody.
#pragma once

#include "core/plpgsql_text.hpp"
#include "ddl/declaration.hpp"
#include "ddl/script_transaction.hpp"
#include "ddl/translate.hpp"
#include "lint/lent_sizes.hpp"
#include "lint/notices.hpp"
#include "lint/reported_finding.hpp"
#include "lint/script.hpp"
#include "lint/script_settings.hpp"
#include "lint/statement_targets.hpp"
#include "pg/spi.hpp"
#include "policy/rule_policy.hpp"

namespace db_guard::lint {

// Files are checked one after the other, as one script: a later one finds what an earlier one
// makes.
class Checker {
 public:
  // `settings` has begun, and is forgotten by the caller. Without `by_policy` the
  // findings are what the rules say, whatever the policy of the database and comments make of it.
  Checker(ScriptSettings& settings, bool by_policy);

  // The name must live as long as the findings.
  void check_file(std::string_view file, const char* sql);
  Vector<ReportedFinding> take() { return std::move(findings_); }

 private:
  // Where a statement stands, for the findings on it.
  struct Place {
    int statement;
    int line;
    std::string_view text;
    bool in_body = false;  // stands in PL/pgSQL, whose variables are known to nobody here
  };

  void check_statement(const ScriptStatement& statement);
  void check_tree(const Place& place, Node* tree, const ddl::Source& source);
  void check_do(const Place& place, const DoStmt* statement);
  void check_body(const Place& place, std::string_view body, int first_line);
  void check_embedded(const Place& place, const core::EmbeddedStatement& embedded);
  void follow_setting(const Place& place, VariableSetStmt* statement);
  void note(Node* tree);
  void take_back();
  void follow_transaction(const Place& place, const TransactionStmt* statement);
  ddl::TransactionSlip take_step(const Place& place, const TransactionStmt* statement);
  void end_file();

  void judge(const Place& place, Node* tree, const ddl::Source& source);
  void judge_commit(const Place& place);
  core::Vector<core::Finding> evaluate(const ddl::Statement& statement);
  core::Vector<core::Finding> review(const ddl::Declarations& declarations, const Node* tree);
  void report(const Place& place, core::Vector<core::Finding> found);
  bool is_here(const Place& place, const Node* tree);
  bool is_filtered_by_variables(const Place& place, const ddl::Statement& statement);
  void say_why_refused(const Place& place, const Node* tree);

  void add(const Place& place, core::Finding finding);
  void add(const Place& place, const Notice& notice, Text message);

  pg::QueryMemory catalogs_;
  ScriptSettings& settings_;
  bool by_policy_;
  std::uint64_t small_table_size_;
  std::optional<policy::Policy> policy_;
  effects::ScriptState script_{};
  ScriptTypes types_{};
  ddl::ScriptTransaction transaction_;
  Place block_start_{};   // where the open transaction begins
  bool changed_ = false;  // an earlier statement changes something

  // What script_ and types_ are made of.
  struct Noted {
    Node* tree;
    Text search_path;  // that it was read under
    int file;
  };
  Vector<Noted> noted_;
  LentSizes lent_;
  std::string_view file_;
  Vector<ReportedFinding> findings_;
};

}  // namespace db_guard::lint
