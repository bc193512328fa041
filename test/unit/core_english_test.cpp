#include "core/english.hpp"

#include <gtest/gtest.h>

#include "readable.hpp"

namespace db_guard::core {
namespace {

TEST(English, PluralsOfKnownNouns) {
  const std::pair<const char*, const char*> nouns[] = {
      {"user", "users"},
      {"category", "categories"},
      {"journey", "journeys"},
      {"box", ""},
      {"address", "addresses"},
      {"branch", "branches"},
      {"person", "people"},
      {"child", "children"},
      {"city", "cities"},
      {"match", "matches"},
      {"account", "accounts"},
      {"workspace", "workspaces"},
      {"photo", "photos"},
      {"key", "keys"},
      {"tax", ""},
  };
  for (const auto& [one, many] : nouns) EXPECT_EQ(readable(plural_of(one)), many) << one;
}

TEST(English, SingularsOfKnownPlurals) {
  for (const std::string_view one : {"user", "category", "person", "branch", "journey", "woman"}) {
    EXPECT_EQ(singular_of(plural_of(one)), one);
  }
}

// A wrong claim is worse than none.
TEST(English, NothingIsSaidOfOtherWords) {
  for (const std::string_view word :
       {"news",  "data",   "status",    "equipment", "information", "series",
        "media", "people", "kunde",     "commande",  "history",     "log",
        "stock", "staff",  "inventory", "metadata",  "users",       "User",
        "",      "s",      "\303\244"}) {
    EXPECT_EQ(readable(plural_of(word)), "") << std::string(word);
  }
  for (const std::string_view word :
       {"news", "status", "series", "bus", "address", "user", "kunden", "chaos", "s", ""}) {
    EXPECT_EQ(singular_of(word), "") << std::string(word);
  }
}

}  // namespace
}  // namespace db_guard::core
