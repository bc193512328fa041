#include "lint/allowances.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace db_guard::lint {
namespace {

bool is_rule(std::string_view slug) { return slug == "a" || slug == "b"; }

struct Given {
  int line;
  std::string text;
  std::vector<std::string> rules;
};

// What is left of the findings on the statements, as "line:rule", after the comments of the script.
std::vector<std::string> left(std::string_view script, const std::vector<Given>& statements,
                              int first_line = 1) {
  Vector<ReportedFinding> findings;
  Allowances allowances(script, first_line, findings);
  for (const Given& statement : statements) {
    allowances.begin_statement();
    for (const std::string& rule : statement.rules) {
      ReportedFinding finding;
      finding.line = statement.line;
      finding.rule = rule;
      findings.push_back(finding);
    }
    allowances.end_statement(statement.line, statement.text);
  }
  allowances.apply("", is_rule);
  drop_allowed(findings);
  std::vector<std::string> result;
  for (const ReportedFinding& finding : findings) {
    result.push_back(std::to_string(finding.line) + ":" + std::string(finding.rule));
  }
  return result;
}

using List = std::vector<std::string>;

TEST(Allowances, OfTheNextStatement) {
  EXPECT_EQ(left("-- db_guard: allow a because x\nS;\nT;", {{2, "S", {"a", "b"}}, {3, "T", {"a"}}}),
            List({"2:b", "3:a"}));
  EXPECT_EQ(left("\n-- db_guard: allow a, b because x\n\n\nS; T;",
                 {{5, "S", {"a", "b"}}, {5, "T", {"a"}}}),
            List());
}

TEST(Allowances, OfTheLinesOfAStatement) {
  EXPECT_EQ(left("S; -- db_guard: allow a because x\nT;", {{1, "S", {"a"}}, {2, "T", {"a"}}}),
            List({"2:a"}));
  EXPECT_EQ(left("S\n-- db_guard: allow a because x\nS;\nT;",
                 {{1, "S\n-- db_guard: allow a because x\nS", {"a"}}, {4, "T", {"a"}}}),
            List({"4:a"}));
}

TEST(Allowances, AllOfThem) {
  EXPECT_EQ(left("-- db_guard: allow all because x\nS;", {{2, "S", {"a", "b"}}}), List());
}

TEST(Allowances, WithoutAReasonNothing) {
  EXPECT_EQ(left("-- db_guard: allow a\nS;", {{2, "S", {"a"}}}),
            List({"2:a", "1:suppression-not-valid"}));
}

TEST(Allowances, ThatAreMisspelt) {
  EXPECT_EQ(left("-- db_guard: allow c because x\nS;", {{2, "S", {"a"}}}),
            List({"2:a", "1:suppression-not-valid"}));
  EXPECT_EQ(left("-- db_guard: alow a because x\nS;", {{2, "S", {"a"}}}),
            List({"2:a", "1:suppression-not-valid"}));
}

TEST(Allowances, OfNothing) {
  EXPECT_EQ(left("-- db_guard: allow a, b because x\nS;", {{2, "S", {"a"}}}),
            List({"1:unused-suppression"}));
  EXPECT_EQ(left("S;\n-- db_guard: allow a because x", {{1, "S", {"a"}}}),
            List({"1:a", "2:unused-suppression"}));
  EXPECT_EQ(left("-- db_guard: allow a because x", {}), List({"1:unused-suppression"}));
}

TEST(Allowances, InABodyFurtherDown) {
  EXPECT_EQ(left("\n-- db_guard: allow a because x\nS;", {{13, "S", {"a"}}}, 11), List());
  EXPECT_EQ(left("\n-- db_guard: allow b because x\nS;", {{13, "S", {"a"}}}, 11),
            List({"13:a", "12:unused-suppression"}));
}

}  // namespace
}  // namespace db_guard::lint
