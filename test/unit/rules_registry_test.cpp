#include "rules/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "readable.hpp"
#include "rules/choices.hpp"

namespace db_guard::rules {
namespace {

// The names of list.inc, which are the names of the files.
const Strings kFiles = {
#define DB_GUARD_RULE(name) #name,
#include "rules/list.inc"
#undef DB_GUARD_RULE
};

std::string text_of(std::string_view text) { return std::string(text); }

TEST(Registry, HasTheRulesOfTheList) {
  ASSERT_EQ(all_rules().count, kFiles.size());
  for (std::size_t i = 0; i < kFiles.size(); i++) {
    std::string slug = kFiles[i];
    std::replace(slug.begin(), slug.end(), '_', '-');
    EXPECT_EQ(text_of(all_rules().first[i]->slug), slug);
  }
}

TEST(Registry, IsSortedBySlug) {
  std::string before;
  for (const Rule* rule : all_rules()) {
    EXPECT_LT(before, text_of(rule->slug));
    before = text_of(rule->slug);
  }
}

TEST(Registry, FindsEveryRuleByItsSlugAlone) {
  for (const Rule* rule : all_rules()) {
    EXPECT_EQ(find_rule(rule->slug), rule);
    EXPECT_EQ(find_rule(rule->slug.substr(1)), nullptr);
  }
  EXPECT_EQ(find_rule(""), nullptr);
  EXPECT_EQ(find_rule("all"), nullptr);
  EXPECT_EQ(find_rule("DROP-COLUMN"), nullptr);
}

TEST(Registry, EveryFieldIsFilled) {
  const std::set<std::string> families = {
      "columns", "types",      "constraints", "indexes",     "drops",
      "renames", "partitions", "triggers",    "maintenance", "transactions",
      "server",  "data-types", "names",       "security",    "structure"};
  const std::set<std::string> works = {"rewrite", "scan",  "index build", "foreign key check",
                                       "none",    "error", "refused"};
  for (const Rule* rule : all_rules()) {
    SCOPED_TRACE(text_of(rule->slug));
    for (const auto field : {rule->title, rule->what, rule->why, rule->safe_way, rule->bad_example,
                             rule->good_example}) {
      EXPECT_GE(field.size(), 10U);
    }
    // What is made anew needs nothing that is there.
    if (rule->review == nullptr) {
      EXPECT_GE(rule->setup.size(), 10U);
    }
    EXPECT_EQ(families.count(text_of(rule->family)), 1U);
    EXPECT_EQ(works.count(text_of(rule->work)), 1U);
    if (rule->work == "refused") EXPECT_EQ(rule->lock, ddl::Lock::kNone);
    EXPECT_EQ(text_of(rule->since_version), "0.1.0");
  }
}

// Titles are headings; the other texts are sentences; examples are statements.
TEST(Registry, TextsAreWrittenAlike) {
  for (const Rule* rule : all_rules()) {
    SCOPED_TRACE(text_of(rule->slug));
    EXPECT_NE(rule->title.back(), '.');
    for (const auto sentence : {rule->what, rule->why, rule->safe_way}) {
      EXPECT_EQ(sentence.back(), '.');
      EXPECT_EQ(sentence.find("  "), std::string_view::npos);
      EXPECT_EQ(sentence.find('\n'), std::string_view::npos);
    }
    for (const auto script : {rule->setup, rule->bad_example, rule->good_example}) {
      EXPECT_TRUE(script.empty() || script.back() == ';');
    }
  }
}

// Only table-rewrite is asked nothing: the server itself announces the rewrite.
TEST(Registry, EveryRuleIsAskedButOne) {
  for (const Rule* rule : all_rules()) {
    const bool asked =
        rule->check != nullptr || rule->check_end != nullptr || rule->review != nullptr;
    EXPECT_EQ(asked, rule->slug != "table-rewrite") << text_of(rule->slug);
  }
}

TEST(Registry, ReviewsAreInPacksAndNothingElseIs) {
  for (const Rule* rule : all_rules()) {
    SCOPED_TRACE(text_of(rule->slug));
    EXPECT_EQ(rule->review != nullptr, !PackSet().has(rule->family));
    EXPECT_TRUE(rule->review == nullptr || rule->check == nullptr);
  }
}

TEST(UnknownRules, AreThoseThatAreNoRules) {
  EXPECT_EQ(readable(unknown_rules("")), Strings{});
  EXPECT_EQ(readable(unknown_rules("all")), Strings{});
  EXPECT_EQ(readable(unknown_rules(" drop-column , all,set-not-null")), Strings{});
  EXPECT_EQ(readable(unknown_rules("drop-colum,set-not-null,All")), (Strings{"drop-colum", "All"}));
}

TEST(SuggestRules, NamesTheNearest) {
  const std::string hint = readable(suggest_rules("drop-colum"));
  EXPECT_EQ(hint.rfind("Did you mean drop-column", 0), 0U) << hint;
  EXPECT_EQ(hint.back(), '?');
}

TEST(SuggestRules, SaysWhereTheyAreWhereNothingIsNear) {
  EXPECT_EQ(readable(suggest_rules("zzzzzzzzzzzz")),
            "SELECT rule, title FROM db_guard.rules; lists all of them.");
}

}  // namespace
}  // namespace db_guard::rules
