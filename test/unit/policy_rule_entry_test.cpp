#include "policy/rule_entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "readable.hpp"
#include "rules/registry.hpp"

namespace db_guard::policy {
namespace {

RuleEntry entry(std::string_view rule, std::string_view schema, std::string_view table,
                Severity action = Severity::kOff, std::int64_t set_at = 0) {
  return {rule, schema, table, action, {}, set_at};
}

const Subject kSubject{"drop-column", "sales", "orders"};

bool matches(const RuleEntry& candidate, const Subject& subject = kSubject) {
  return find_entry({candidate}, subject, core::one_byte) != nullptr;
}

TEST(RuleEntry, NamesARuleAFamilyOrAll) {
  EXPECT_TRUE(matches(entry("drop-column", "%", "%")));
  EXPECT_TRUE(matches(entry("drops", "%", "%")));
  EXPECT_TRUE(matches(entry("all", "%", "%")));
  EXPECT_FALSE(matches(entry("rename-column", "%", "%")));
  EXPECT_FALSE(matches(entry("renames", "%", "%")));
  EXPECT_FALSE(matches(entry("", "%", "%")));
}

TEST(RuleEntry, BothPatternsHaveToMatch) {
  EXPECT_TRUE(matches(entry("all", "sales", "orders")));
  EXPECT_TRUE(matches(entry("all", "s%", "%s")));
  EXPECT_FALSE(matches(entry("all", "sales", "order")));
  EXPECT_FALSE(matches(entry("all", "public", "orders")));
}

TEST(RuleEntry, WhatHasNoTableIsMatchedByOpenPatternsOnly) {
  const Subject no_table{"drop-column", "", ""};
  EXPECT_TRUE(matches(entry("all", "%", "%"), no_table));
  EXPECT_FALSE(matches(entry("all", "sales", "%"), no_table));
  EXPECT_FALSE(matches(entry("all", "%", "o%"), no_table));
}

// Every entry wins over all that follow it, although those are newer, in any order of the rows.
TEST(RuleEntry, TheMostSpecificWins) {
  Vector<RuleEntry> entries = {
      entry("drop-column", "sales", "orders"),
      entry("drops", "sales", "orders"),
      entry("all", "sales", "orders"),
      entry("all", "sales%", "orders"),
      entry("drop-column", "%", "orders"),
      entry("all", "%", "orders"),
      entry("drop-column", "sales", "orde%"),
      entry("all", "sales", "orde%"),
      entry("all", "%", "ord%"),
      entry("all", "%", "__%"),
      entry("drop-column", "sales", "%"),
      entry("drops", "sales", "%"),
      entry("all", "sales", "%"),
      entry("all", "sale_", "%"),
      entry("all", "sa%", "%"),
      entry("drop-column", "%", "%"),
      entry("drops", "%", "%"),
      entry("all", "%", "%"),
  };
  for (std::size_t i = 0; i < entries.size(); i++) entries[i].set_at = std::int64_t(i);
  while (!entries.empty()) {
    const RuleEntry first = entries.front();
    std::reverse(entries.begin(), entries.end());
    const RuleEntry* found = find_entry(entries, kSubject, core::one_byte);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->set_at, first.set_at)
        << first.rule << " " << first.schema_pattern << " " << first.table_pattern;
    std::reverse(entries.begin(), entries.end());
    EXPECT_EQ(find_entry(entries, kSubject, core::one_byte)->set_at, first.set_at);
    entries.erase(entries.begin());
  }
}

TEST(RuleEntry, ThenTheNewest) {
  const Vector<RuleEntry> entries = {
      entry("all", "s%", "%", Severity::kWarn, 1), entry("all", "%s", "%", Severity::kNote, 3),
      entry("all", "%a", "%", Severity::kBlock, 4), entry("all", "s%", "%", Severity::kOff, 2)};
  EXPECT_EQ(find_entry(entries, kSubject, core::one_byte)->action, Severity::kNote);
}

Finding finding(std::string_view rule, Severity severity, std::string_view table = "orders") {
  Finding result;
  result.rule = rule;
  result.severity = severity;
  result.place.schema = "sales";
  result.place.table = table;
  result.detail = "It hurts.";
  return result;
}

TEST(ApplyEntries, GivesFindingsTheirSeveritiesWorstFirst) {
  Vector<Finding> findings = {finding("drop-column", Severity::kBlock),
                              finding("set-not-null", Severity::kBlock),
                              finding("rename-column", Severity::kNote)};
  apply_entries({entry("drop-column", "%", "%", Severity::kWarn),
                 entry("rename-column", "%", "%", Severity::kBlock)},
                core::one_byte, findings);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].rule, "set-not-null");
  EXPECT_EQ(findings[0].severity, Severity::kBlock);
  EXPECT_TRUE(findings[0].evidence.empty());
  EXPECT_EQ(findings[1].rule, "rename-column");
  EXPECT_EQ(findings[1].severity, Severity::kBlock);
  EXPECT_EQ(findings[2].rule, "drop-column");
  EXPECT_EQ(findings[2].severity, Severity::kWarn);
}

TEST(ApplyEntries, OffStaysAmongTheFindings) {
  Vector<Finding> findings = {finding("drop-column", Severity::kBlock),
                              finding("drop-column", Severity::kBlock, "customers")};
  apply_entries({entry("drop-column", "%", "orders")}, core::one_byte, findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].place.table, "customers");
  EXPECT_EQ(findings[1].severity, Severity::kOff);
}

TEST(ApplyEntries, WhatIsOffStaysOff) {
  Vector<Finding> findings = {finding("drop-column", Severity::kOff),
                              finding("set-not-null", Severity::kNote)};
  apply_entries({entry("drop-column", "%", "%", Severity::kBlock)}, core::one_byte, findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].rule, "set-not-null");
  EXPECT_EQ(findings[1].severity, Severity::kOff);
  EXPECT_TRUE(findings[1].evidence.empty());
}

TEST(ApplyEntries, SaysWhatItWasAndWhy) {
  Vector<Finding> findings = {finding("drop-column", Severity::kBlock)};
  RuleEntry lowered = entry("drop-column", "%", "%", Severity::kWarn);
  lowered.reason = "ticket 17";
  apply_entries({lowered}, core::one_byte, findings);
  EXPECT_EQ(readable(findings[0].detail),
            "It hurts. By db_guard.rule_policy it is warn here, not block: ticket 17.");
  ASSERT_EQ(findings[0].evidence.size(), 3U);
  EXPECT_EQ(findings[0].evidence[0].key, "default_severity");
  EXPECT_EQ(readable(findings[0].evidence[0].text), "block");
  EXPECT_EQ(findings[0].evidence[1].key, "policy");
  EXPECT_EQ(readable(findings[0].evidence[1].text), "rule_policy");
  EXPECT_EQ(findings[0].evidence[2].key, "policy_reason");
  EXPECT_EQ(readable(findings[0].evidence[2].text), "ticket 17");
}

TEST(ApplyEntries, SaysNothingWhereNothingChanges) {
  Vector<Finding> findings = {finding("drop-column", Severity::kBlock)};
  // The closer entry keeps the wider one from counting.
  apply_entries({entry("drop-column", "sales", "%", Severity::kBlock), entry("all", "%", "%")},
                core::one_byte, findings);
  EXPECT_EQ(findings[0].severity, Severity::kBlock);
  EXPECT_EQ(readable(findings[0].detail), "It hurts.");
  EXPECT_TRUE(findings[0].evidence.empty());
}

TEST(RuleEntry, KnowsItsActions) {
  EXPECT_EQ(action_by_name("block"), Severity::kBlock);
  EXPECT_EQ(action_by_name("warn"), Severity::kWarn);
  EXPECT_EQ(action_by_name("note"), Severity::kNote);
  EXPECT_EQ(action_by_name("off"), Severity::kOff);
  EXPECT_EQ(action_by_name("Off"), std::nullopt);
  EXPECT_EQ(action_by_name(""), std::nullopt);
}

TEST(RuleEntry, KnowsTheNamesItMayHave) {
  EXPECT_TRUE(is_rule_or_family("drop-column"));
  EXPECT_TRUE(is_rule_or_family("drops"));
  EXPECT_TRUE(is_rule_or_family("all"));
  EXPECT_FALSE(is_rule_or_family("drop-colum"));
  EXPECT_FALSE(is_rule_or_family(""));
  EXPECT_EQ(readable(suggest_rule_or_family("drop-colum")).find("Did you mean drop-column"), 0U);
  EXPECT_NE(readable(suggest_rule_or_family("indxes")).find("indexes"), std::string::npos);
  EXPECT_EQ(readable(suggest_rule_or_family("zzzzzzzzzz")),
            "The rules and their families are in db_guard.rules; all stands for all of them.");
}

// An entry for a family would otherwise be one for a rule, too.
TEST(RuleEntry, NoRuleIsCalledLikeAFamily) {
  for (const rules::Rule* rule : rules::all_rules()) {
    EXPECT_EQ(rules::find_rule(rule->family), nullptr) << rule->family;
    EXPECT_NE(rule->family, kAllRules);
    EXPECT_NE(rule->slug, kAllRules);
    EXPECT_NE(rule->severity, Severity::kOff) << rule->slug;
  }
}

}  // namespace
}  // namespace db_guard::policy
