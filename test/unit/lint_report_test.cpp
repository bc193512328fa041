#include "lint/report.hpp"

#include <gtest/gtest.h>

#include <string>

namespace db_guard::lint {
namespace {

ReportedFinding finding(std::string_view rule, int line, std::string_view text) {
  ReportedFinding finding;
  finding.file = "a.sql";
  finding.statement = 1;
  finding.line = line;
  finding.rule = rule;
  finding.severity = Severity::kBlock;
  finding.object = "public.orders";
  finding.message = "it waits";
  finding.detail = "long";
  finding.safe_sql = {Text("ONE;"), Text("-- b\nTWO;")};
  finding.text = text;
  return finding;
}

Text report(ReportFormat format, const Vector<ReportedFinding>& findings) {
  return write_report(format, findings,
                      {{"drop-column", Severity::kBlock, "Title", "What", "Advice"}}, "0.1.0");
}

TEST(Report, KnowsItsFormats) {
  EXPECT_EQ(find_format("sarif"), ReportFormat::kSarif);
  EXPECT_EQ(find_format("text"), ReportFormat::kText);
  EXPECT_FALSE(find_format("SARIF"));
  EXPECT_FALSE(find_format(""));
}

TEST(Report, TextForPeople) {
  EXPECT_EQ(report(ReportFormat::kText, {}), "No findings.\n");
  ReportedFinding note = finding("psql-command", 9, "");
  note.severity = Severity::kNote;
  note.safe_sql.clear();
  note.detail.clear();
  note.file = {};
  EXPECT_EQ(report(ReportFormat::kText, {finding("drop-column", 3, "x"), note}),
            "a.sql:3: block: it waits [drop-column]\n  long\n  Instead, step by step, each "
            "committed before the next:\n    ONE;\n    -- b\n    TWO;\n\nline 9: note: it waits "
            "[psql-command]\n\n2 findings: 1 block, 1 note.\n");
}

TEST(Report, GithubKeepsToOneLineEach) {
  ReportedFinding odd = finding("drop-column", 3, "x");
  odd.file = "50%,a:b.sql";
  odd.message = "100%\r\nsure: yes, no";
  odd.detail.clear();
  odd.safe_sql.clear();
  EXPECT_EQ(report(ReportFormat::kGithub, {odd}),
            "::error file=50%25%2Ca%3Ab.sql,line=3,title=drop-column::100%25%0D%0Asure: yes, no\n");
  odd.file = {};
  odd.severity = Severity::kWarn;
  odd.detail = "more";
  EXPECT_EQ(report(ReportFormat::kGithub, {odd}),
            "::warning title=drop-column::100%25%0D%0Asure: yes, no%0Amore\n");
}

TEST(Report, FingerprintsStayWhenLinesMove) {
  const auto before = fingerprints({finding("a", 3, "ALTER TABLE t DROP c"), finding("b", 4, "x")});
  const auto after =
      fingerprints({finding("b", 40, "x"), finding("a", 30, "alter  table t\n -- why\n drop C")});
  EXPECT_EQ(before[0], after[1]);
  EXPECT_EQ(before[1], after[0]);
}

TEST(Report, FingerprintsAreNeverEqual) {
  ReportedFinding other_file = finding("a", 1, "x");
  other_file.file = "b.sql";
  ReportedFinding other_object = finding("a", 1, "x");
  other_object.object = "public.customers";
  const auto all =
      fingerprints({finding("a", 1, "x"), finding("a", 1, "x"), finding("b", 1, "x"),
                    finding("a", 1, "y"), other_file, other_object, finding("a", 2, "x")});
  for (std::size_t i = 0; i < all.size(); i++) {
    for (std::size_t k = 0; k < i; k++) EXPECT_NE(all[i], all[k]) << i << " " << k;
  }
}

bool holds(const Text& text, std::string_view part) { return text.find(part) != Text::npos; }

TEST(Report, SarifNamesRuleAndPlace) {
  ReportedFinding here = finding("drop-column", 3, "x");
  here.file = "a folder/ü.sql";
  const Text sarif = report(ReportFormat::kSarif, {here});
  EXPECT_TRUE(holds(sarif, "\"version\": \"2.1.0\"")) << sarif;
  EXPECT_TRUE(holds(sarif, "\"ruleIndex\": 0")) << sarif;
  EXPECT_TRUE(holds(sarif, "\"uri\": \"a%20folder/%C3%BC.sql\"")) << sarif;
  EXPECT_TRUE(holds(sarif, "\"startLine\": 3")) << sarif;
  EXPECT_TRUE(holds(sarif, "\"level\": \"error\"")) << sarif;
  here.file = "/tmp/a:b.sql";
  EXPECT_TRUE(holds(report(ReportFormat::kSarif, {here}), "\"file:///tmp/a%3Ab.sql\""));
  here.file = {};
  EXPECT_FALSE(holds(report(ReportFormat::kSarif, {here}), "locations"));
}

TEST(Report, GitlabAlwaysHasAPath) {
  ReportedFinding nowhere = finding("drop-column", 3, "x");
  nowhere.file = {};
  const Text gitlab = report(ReportFormat::kGitlab, {nowhere});
  EXPECT_TRUE(holds(gitlab, "\"path\": \"-\"")) << gitlab;
  EXPECT_TRUE(holds(gitlab, "\"severity\": \"blocker\"")) << gitlab;
  EXPECT_EQ(report(ReportFormat::kGitlab, {}), "[]\n");
}

}  // namespace
}  // namespace db_guard::lint
