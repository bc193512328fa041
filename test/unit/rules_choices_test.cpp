#include "rules/choices.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "rules/registry.hpp"

namespace db_guard::rules {
namespace {

std::string on(std::string_view list) {
  const PackSet packs = packs_of(list);
  std::string names;
  for (const auto pack : kPacks) {
    if (packs.has(pack)) names.append(names.empty() ? "" : " ").append(pack);
  }
  return names;
}

TEST(Packs, AreReadFromAList) {
  EXPECT_EQ(on(""), "");
  EXPECT_EQ(on(" , ,"), "");
  EXPECT_EQ(on("names"), "names");
  EXPECT_EQ(on(" structure ,data-types\n"), "data-types structure");
  EXPECT_EQ(on("names,names,nonsense"), "names");
  EXPECT_EQ(on(kAllPacks), "data-types names security structure");
  EXPECT_EQ(on("names, all"), "data-types names security structure");
}

TEST(Packs, OtherFamiliesHoldAlways) {
  for (const auto family : {"columns", "drops", "", "name"}) EXPECT_TRUE(packs_of("").has(family));
}

TEST(Packs, UnknownOnesAreNamed) {
  EXPECT_EQ(unknown_pack(""), "");
  EXPECT_EQ(unknown_pack(kAllPacks), "");
  EXPECT_EQ(unknown_pack("names, Names ,x"), "Names");
  EXPECT_EQ(unknown_pack("all"), "");
  EXPECT_EQ(unknown_pack("all,every"), "every");
}

TEST(Packs, HaveRulesAndNoPackIsLeftOut) {
  std::set<std::string> families;
  for (const Rule* rule : all_rules()) families.emplace(rule->family);
  for (const auto pack : kPacks) EXPECT_EQ(families.count(std::string(pack)), 1U);
  // Rules that only look at how something is written can be put aside.
  for (const Rule* rule : all_rules()) {
    EXPECT_FALSE(rule->review != nullptr && packs_of("").has(rule->family));
  }
}

}  // namespace
}  // namespace db_guard::rules
