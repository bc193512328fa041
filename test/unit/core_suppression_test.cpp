#include "core/suppression.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace db_guard::core {
namespace {

// Each comment as "first-last:rule,rule because reason".
std::vector<std::string> comments(std::string_view script) {
  std::vector<std::string> result;
  for (const Suppression& suppression : find_suppressions(script)) {
    std::string text =
        std::to_string(suppression.first_line) + "-" + std::to_string(suppression.last_line) + ":";
    for (const Text& rule : suppression.rules) text += std::string(rule) + ",";
    result.push_back(text + std::string(suppression.reason));
  }
  return result;
}

using List = std::vector<std::string>;

TEST(FindSuppressions, ReadsRulesAndReason) {
  EXPECT_EQ(comments("-- db_guard: allow drop-column because unused since release 41\nSELECT 1;"),
            List({"1-1:drop-column,unused since release 41"}));
  EXPECT_EQ(comments("\n\n--db_guard:allow a, b ,c because why not  \n"),
            List({"3-3:a,b,c,why not"}));
  EXPECT_EQ(comments("/* db_guard: allow a because\n  two lines */"), List({"1-2:a,two lines"}));
  EXPECT_EQ(comments("SELECT 1; -- db_guard: allow all because of a because b"),
            List({"1-1:all,of a because b"}));
}

TEST(FindSuppressions, WithoutAReason) {
  EXPECT_EQ(comments("-- db_guard: allow a"), List({"1-1:a,"}));
  EXPECT_EQ(comments("-- db_guard: allow a because"), List({"1-1:a,"}));
  EXPECT_EQ(comments("-- db_guard: allow a because   \n"), List({"1-1:a,"}));
}

TEST(FindSuppressions, Malformed) {
  EXPECT_EQ(comments("-- db_guard: alow a because b"), List({"1-1:"}));
  EXPECT_EQ(comments("-- db_guard: allow because b"), List({"1-1:b"}));
  EXPECT_EQ(comments("-- db_guard: allow this and that because b"), List({"1-1:"}));
  EXPECT_EQ(comments("-- db_guard: allowed a because b"), List({"1-1:"}));
  EXPECT_EQ(comments("-- db_guard:"), List({"1-1:"}));
  // A rule may have the word in its name.
  EXPECT_EQ(comments("-- db_guard: allow not-because-of because it is"),
            List({"1-1:not-because-of,it is"}));
}

TEST(FindSuppressions, OnlyInComments) {
  EXPECT_EQ(comments("SELECT '-- db_guard: allow a because b';"), List());
  EXPECT_EQ(comments("DO $$ -- db_guard: allow a because b\n$$;"), List());
  EXPECT_EQ(comments("SELECT \"/* db_guard: allow a because b */\";"), List());
  EXPECT_EQ(comments("-- see db_guard: allow a because b"), List());
}

TEST(FindSuppressions, CountsLinesAcrossEverything) {
  EXPECT_EQ(
      comments("SELECT '\n\n';\n/*\n*/ -- db_guard: allow a because b\nx; --db_guard: allow c "
               "because d"),
      List({"5-5:a,b", "6-6:c,d"}));
}

}  // namespace
}  // namespace db_guard::core
