#include "guard/policy.hpp"

#include <gtest/gtest.h>

#include <string>

#include "readable.hpp"

namespace db_guard::guard {
namespace {

using core::Severity;

enum class Mode { kBlock, kWarn, kLog };

// What db_guard.allow and the settings about it say of the finding's rule.
enum class Allow {
  kNothing,
  kAnotherRule,
  kThisRule,
  kAll,
  kThisRuleAmongOthers,
  kWithoutTheRole,
  kWithoutTheReason,
  kWithTheReason,
};

constexpr Verdict kPass = Verdict::kPass;
constexpr Verdict kWarn = Verdict::kWarn;
constexpr Verdict kBlock = Verdict::kBlock;

// What the mode makes of a severity where nothing is allowed.
struct Row {
  Mode mode;
  Severity severity;
  Verdict verdict;
};
constexpr Row kRows[] = {
    {Mode::kBlock, Severity::kBlock, kBlock}, {Mode::kBlock, Severity::kWarn, kWarn},
    {Mode::kBlock, Severity::kNote, kPass},   {Mode::kWarn, Severity::kBlock, kWarn},
    {Mode::kWarn, Severity::kWarn, kWarn},    {Mode::kWarn, Severity::kNote, kPass},
    {Mode::kLog, Severity::kBlock, kPass},    {Mode::kLog, Severity::kWarn, kPass},
    {Mode::kLog, Severity::kNote, kPass},
};

// Whether the settings let the rule pass.
struct Permission {
  Allow allow;
  bool counts;
};
constexpr Permission kPermissions[] = {
    {Allow::kNothing, false},
    {Allow::kAnotherRule, false},
    {Allow::kThisRule, true},
    {Allow::kAll, true},
    {Allow::kThisRuleAmongOthers, true},
    {Allow::kWithoutTheRole, false},
    {Allow::kWithoutTheReason, false},
    {Allow::kWithTheReason, true},
};

PolicyInput input(Mode mode, Allow allow = Allow::kNothing) {
  PolicyInput result;
  result.blocks = mode == Mode::kBlock;
  result.warns = mode != Mode::kLog;
  result.override_role = "release_managers";
  result.allow = "drop-column";
  switch (allow) {
    case Allow::kNothing:
      result.allow = "";
      break;
    case Allow::kAnotherRule:
      result.allow = "drop-columns, drop, rename-table";
      break;
    case Allow::kThisRule:
      break;
    case Allow::kAll:
      result.allow = "all";
      break;
    case Allow::kThisRuleAmongOthers:
      result.allow = "rename-table , drop-column";
      break;
    case Allow::kWithoutTheRole:
      result.may_override = false;
      break;
    case Allow::kWithoutTheReason:
      result.require_reason = true;
      break;
    case Allow::kWithTheReason:
      result.require_reason = true;
      result.reason = "unused since release 41";
      break;
  }
  return result;
}

Finding finding(std::string_view rule, Severity severity) {
  Finding result;
  result.rule = rule;
  result.severity = severity;
  return result;
}

TEST(Policy, EveryModeSeverityAndPermission) {
  for (const Row& row : kRows) {
    for (const Permission& permission : kPermissions) {
      SCOPED_TRACE(testing::Message() << "mode " << int(row.mode) << ", severity "
                                      << int(row.severity) << ", allow " << int(permission.allow));
      const Decision decision =
          decide({finding("drop-column", row.severity)}, input(row.mode, permission.allow));
      EXPECT_EQ(decision.verdict, permission.counts ? kPass : row.verdict);
      EXPECT_EQ(decision.overridden, permission.counts && row.severity != Severity::kNote);
      EXPECT_EQ(decision.findings.size(), permission.counts ? 0U : 1U);
    }
  }
}

TEST(Policy, NothingFoundPasses) {
  const Decision decision = decide({}, input(Mode::kBlock, Allow::kAll));
  EXPECT_EQ(decision.verdict, kPass);
  EXPECT_FALSE(decision.overridden);
  EXPECT_EQ(readable(decision.why_not_allowed), "");
}

// What the policy of the database has put aside is neither said nor counted as overridden.
TEST(Policy, OffPassesWithoutAWord) {
  for (const Allow allow : {Allow::kNothing, Allow::kAll}) {
    const Decision decision =
        decide({finding("drop-column", Severity::kOff)}, input(Mode::kBlock, allow));
    EXPECT_EQ(decision.verdict, kPass);
    EXPECT_FALSE(decision.overridden);
    EXPECT_TRUE(decision.findings.empty());
  }
}

TEST(Policy, TheWorstFindingDecides) {
  const Finding block = finding("drop-column", Severity::kBlock);
  const Finding warn = finding("drop-index-blocking", Severity::kWarn);
  const Finding note = finding("other", Severity::kNote);
  EXPECT_EQ(decide({block, warn, note}, input(Mode::kBlock)).verdict, kBlock);
  EXPECT_EQ(decide({note, warn}, input(Mode::kBlock)).verdict, kWarn);
  EXPECT_EQ(decide({note, note}, input(Mode::kBlock)).verdict, kPass);
}

TEST(Policy, AllowingOneRuleLeavesTheOthers) {
  const Decision decision =
      decide({finding("drop-column", Severity::kBlock), finding("set-not-null", Severity::kBlock)},
             input(Mode::kBlock, Allow::kThisRule));
  EXPECT_EQ(decision.verdict, kBlock);
  EXPECT_TRUE(decision.overridden);
  ASSERT_EQ(decision.findings.size(), 1U);
  EXPECT_EQ(decision.findings.front().rule, "set-not-null");
}

TEST(Policy, SaysWhyAllowDoesNotCount) {
  const Vector<Finding> found = {finding("drop-column", Severity::kBlock)};
  EXPECT_EQ(readable(decide(found, input(Mode::kBlock, Allow::kWithoutTheRole)).why_not_allowed),
            "db_guard.allow is set, but only members of role \"release_managers\" "
            "(db_guard.override_role) may use it.");
  EXPECT_EQ(readable(decide(found, input(Mode::kBlock, Allow::kWithoutTheReason)).why_not_allowed),
            "db_guard.allow is set, but db_guard.require_reason is on and db_guard.allow_reason is "
            "empty.");
}

TEST(Policy, NamesTheRoleThatOverridesAreReservedFor) {
  const Vector<Finding> found = {finding("drop-column", Severity::kBlock)};
  PolicyInput settings = input(Mode::kBlock);
  EXPECT_EQ(readable(decide(found, settings).reserved_for), "");
  settings.may_override = false;
  EXPECT_EQ(readable(decide(found, settings).reserved_for), "release_managers");
}

TEST(Policy, ObjectsOnlyWhereAllowNamesTheRule) {
  PolicyInput settings = input(Mode::kBlock, Allow::kWithoutTheRole);
  const Decision decision = decide({finding("set-not-null", Severity::kBlock)}, settings);
  EXPECT_EQ(decision.verdict, kBlock);
  EXPECT_EQ(readable(decision.why_not_allowed), "");
}

TEST(Policy, TheRoleIsAskedBeforeTheReason) {
  PolicyInput settings = input(Mode::kBlock, Allow::kWithoutTheReason);
  settings.may_override = false;
  const Decision decision = decide({finding("drop-column", Severity::kBlock)}, settings);
  EXPECT_NE(readable(decision.why_not_allowed).find("release_managers"), std::string::npos);
}

}  // namespace
}  // namespace db_guard::guard
