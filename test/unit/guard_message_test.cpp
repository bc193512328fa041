#include "guard/message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/text.hpp"
#include "readable.hpp"

namespace db_guard::guard {
namespace {

using core::Severity;

Finding finding(std::string_view rule, std::string_view message,
                Severity severity = Severity::kBlock) {
  Finding result;
  result.rule = rule;
  result.severity = severity;
  result.message = message;
  result.detail = "Why it hurts.";
  return result;
}

Finding with_steps(int count) {
  Finding result = finding("create-index-blocking", "CREATE INDEX takes SHARE on public.t (41 GB)");
  for (int i = 1; i <= count; i++) {
    result.safe_sql.push_back(core::concat({"SELECT ", core::number(i), ";"}));
  }
  return result;
}

Decision blocked(const Vector<Finding>& findings) {
  Decision decision;
  decision.verdict = Verdict::kBlock;
  decision.findings = findings;
  return decision;
}

std::string way_out(const std::string& rules) {
  return "To run it all the same: BEGIN; SET LOCAL db_guard.allow = '" + rules +
         "'; SET LOCAL db_guard.allow_reason = '...'; then the statement, and COMMIT;";
}

TEST(Message, OfOneFinding) {
  const Message text = describe(with_steps(0));
  EXPECT_EQ(readable(text.message), "CREATE INDEX takes SHARE on public.t (41 GB)");
  EXPECT_EQ(readable(text.detail), "db_guard rule create-index-blocking: Why it hurts.");
  EXPECT_EQ(readable(text.hint), "");
}

TEST(Message, TellsHowToOverrideOutsideABlock) {
  Decision decision = blocked({finding("vacuum-full", "VACUUM FULL rewrites public.t")});
  EXPECT_EQ(readable(describe(decision).hint), way_out("vacuum-full"));
  decision.outside_blocks = true;
  EXPECT_EQ(readable(describe(decision).hint),
            "To run it all the same: SET db_guard.allow = 'vacuum-full'; SET db_guard.allow_reason "
            "= '...'; then the statement, and RESET db_guard.allow; RESET db_guard.allow_reason;");
}

TEST(Message, OfOneStep) {
  EXPECT_EQ(readable(describe(with_steps(1)).hint), "Instead:\n  SELECT 1;");
}

TEST(Message, OfSeveralSteps) {
  EXPECT_EQ(readable(describe(with_steps(2)).hint),
            "Instead, step by step, each committed before the next:\n  SELECT 1;\n  SELECT 2;");
}

TEST(Message, IndentsEveryLineOfAStep) {
  Finding found = with_steps(0);
  found.safe_sql.emplace_back("BEGIN;\nSELECT 1;\nCOMMIT;");
  EXPECT_EQ(readable(describe(found).hint), "Instead:\n  BEGIN;\n  SELECT 1;\n  COMMIT;");
}

TEST(Message, ShowsTwentyFourStepsAtMost) {
  const std::string all = readable(describe(with_steps(24)).hint);
  EXPECT_NE(all.find("SELECT 24;"), std::string::npos);
  EXPECT_EQ(all.find("and so on"), std::string::npos);
  const std::string cut = readable(describe(with_steps(25)).hint);
  EXPECT_NE(cut.find("SELECT 24;\n  -- and so on: 1 more step"), std::string::npos);
  EXPECT_EQ(cut.find("SELECT 25;"), std::string::npos);
  EXPECT_NE(readable(describe(with_steps(1000)).hint).find("and so on: 976 more steps"),
            std::string::npos);
}

TEST(Message, OfAnErrorEndsWithTheWayOut) {
  const Message none = describe(blocked({with_steps(0)}));
  EXPECT_EQ(readable(none.hint), way_out("create-index-blocking"));
  const Message one = describe(blocked({with_steps(1)}));
  EXPECT_EQ(readable(one.hint), "Instead:\n  SELECT 1;\n" + way_out("create-index-blocking"));
}

TEST(Message, HasNoWayOutWhereTheServerWillRefuse) {
  Finding hopeless = with_steps(1);
  hopeless.hopeless = true;
  EXPECT_EQ(readable(describe(blocked({hopeless})).hint), "Instead:\n  SELECT 1;");
  EXPECT_EQ(readable(describe(blocked({with_steps(0), hopeless})).hint), "Instead:\n  SELECT 1;");
}

TEST(Message, TakesTheStepsOfTheFirstFindingThatHasSome) {
  const Finding bare = finding("drop-column", "dropping column a");
  Finding last = finding("rename-column", "renaming column b");
  last.safe_sql.emplace_back("SELECT 'last';");
  const Message text = describe(blocked({bare, with_steps(1), last}));
  EXPECT_EQ(readable(text.message), "dropping column a");
  EXPECT_EQ(readable(text.hint),
            "Instead:\n  SELECT 1;\n" + way_out("drop-column,create-index-blocking,rename-column"));
}

TEST(Message, OfAnOverrideThatIsReservedNamesTheRole) {
  const std::string who = "Members of role \"release_managers\" may run it all the same.";
  Decision decision = blocked({with_steps(0)});
  decision.reserved_for = "release_managers";
  EXPECT_EQ(readable(describe(decision).hint), who);
  decision = blocked({with_steps(1)});
  decision.reserved_for = "release_managers";
  EXPECT_EQ(readable(describe(decision).hint), "Instead:\n  SELECT 1;\n" + who);
}

// Steps that end in the statement itself, overridden, are the way out; not for those who may not.
TEST(Message, OfStepsThatOverrideSaysWhoMay) {
  Finding found = finding("drop-column", "dropping column a");
  found.safe_sql.emplace_back("SET LOCAL db_guard.allow = 'drop-column';");
  const std::string steps = "Instead:\n  SET LOCAL db_guard.allow = 'drop-column';";
  Decision decision = blocked({found});
  EXPECT_EQ(readable(describe(decision).hint), steps);
  decision.reserved_for = "release_managers";
  EXPECT_EQ(readable(describe(decision).hint),
            steps + "\nMembers of role \"release_managers\" may run it all the same.");
}

TEST(Message, OfAnErrorTellsTheOtherFindings) {
  const Message text = describe(blocked({
      finding("drop-column", "dropping column a"),
      finding("set-not-null", "SET NOT NULL on column b"),
      finding("drop-index-blocking", "DROP INDEX i", Severity::kWarn),
      finding("style", "a note", Severity::kNote),
  }));
  EXPECT_EQ(readable(text.message), "dropping column a");
  EXPECT_EQ(readable(text.detail), "db_guard rule drop-column: Why it hurts.\n"
                                   "Also, SET NOT NULL on column b.\n"
                                   "db_guard rule set-not-null: Why it hurts.\n"
                                   "Also, DROP INDEX i.\n"
                                   "db_guard rule drop-index-blocking: Why it hurts.");
  EXPECT_EQ(readable(text.hint), way_out("drop-column,set-not-null"));
}

TEST(Message, NamesEachBlockingRuleOnce) {
  const Message text = describe(blocked(
      {finding("drop-column", "a"), finding("drop-column", "b"), finding("set-not-null", "c")}));
  EXPECT_NE(readable(text.hint).find("'drop-column,set-not-null'"), std::string::npos);
}

// A rule's name may be part of another's.
TEST(Message, NamesARuleWhoseNameAnotherContains) {
  const Message text =
      describe(blocked({finding("drop-column-cascade", "a"), finding("drop-column", "b")}));
  EXPECT_NE(readable(text.hint).find("'drop-column-cascade,drop-column'"), std::string::npos);
}

TEST(Message, SaysWhyAllowDoesNotCount) {
  Decision decision = blocked({finding("drop-column", "a")});
  decision.why_not_allowed = "db_guard.allow is set, but no.";
  EXPECT_EQ(readable(describe(decision).detail),
            "db_guard rule drop-column: Why it hurts.\ndb_guard.allow is set, but no.");
}

}  // namespace
}  // namespace db_guard::guard
