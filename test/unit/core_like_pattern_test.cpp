#include "core/like_pattern.hpp"

#include <gtest/gtest.h>

namespace db_guard::core {
namespace {

std::size_t utf8(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return 1;
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

bool matches(std::string_view pattern, std::string_view text) {
  return matches_like(pattern, text, utf8);
}

TEST(LikePattern, WithoutWildcardsMatchesOneText) {
  EXPECT_TRUE(matches("orders", "orders"));
  EXPECT_FALSE(matches("orders", "order"));
  EXPECT_FALSE(matches("order", "orders"));
  EXPECT_FALSE(matches("orders", "Orders"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a", ""));
}

TEST(LikePattern, PercentTakesAnyLetters) {
  EXPECT_TRUE(matches("%", ""));
  EXPECT_TRUE(matches("%", "anything at all"));
  EXPECT_TRUE(matches("%%", ""));
  EXPECT_TRUE(matches("tmp%", "tmp"));
  EXPECT_TRUE(matches("tmp%", "tmp1"));
  EXPECT_FALSE(matches("tmp%", "a_tmp"));
  EXPECT_TRUE(matches("%log%", "the_log_of_2024"));
  // The first place that fits is not the right one.
  EXPECT_TRUE(matches("%ab", "abab"));
  EXPECT_TRUE(matches("%a%b%c", "xaxxbxabc"));
  EXPECT_FALSE(matches("%a%b%c", "xaxxbxab"));
  EXPECT_TRUE(matches("a%aab", "aaaaab"));
}

TEST(LikePattern, UnderscoreTakesOneLetter) {
  EXPECT_TRUE(matches("t_", "t1"));
  EXPECT_FALSE(matches("t_", "t"));
  EXPECT_FALSE(matches("t_", "t12"));
  EXPECT_TRUE(matches("%_", "x"));
  EXPECT_FALSE(matches("%_", ""));
}

TEST(LikePattern, LettersOfSeveralBytesAreOneLetter) {
  EXPECT_TRUE(matches("gr__e", "gr\u00F6\u00DFe"));
  EXPECT_FALSE(matches_like("gr__e", "gr\u00F6\u00DFe", one_byte));
  EXPECT_TRUE(matches("%\u00DFe", "gr\u00F6\u00DFe"));
  EXPECT_FALSE(matches("gr\u00FC%", "gr\u00F6\u00DFe"));
  // A text cut in the middle of a letter is read to its end and no further.
  EXPECT_TRUE(matches("a_", std::string_view("a\u00F6", 2)));
}

TEST(LikePattern, BackslashTakesTheMeaningAway) {
  EXPECT_TRUE(matches("a\\_b", "a_b"));
  EXPECT_FALSE(matches("a\\_b", "axb"));
  EXPECT_TRUE(matches("\\%", "%"));
  EXPECT_FALSE(matches("\\%", "x"));
  EXPECT_TRUE(matches("a\\\\", "a\\"));
  EXPECT_TRUE(matches("\\a", "a"));
}

TEST(LikePattern, ABackslashAtTheEndMakesNoPattern) {
  EXPECT_TRUE(is_like_pattern(""));
  EXPECT_TRUE(is_like_pattern("a%\\_"));
  EXPECT_TRUE(is_like_pattern("a\\\\"));
  EXPECT_FALSE(is_like_pattern("\\"));
  EXPECT_FALSE(is_like_pattern("a\\"));
  EXPECT_FALSE(is_like_pattern("a\\\\\\"));
}

TEST(LikePattern, CountsTheLettersThatANameMustHave) {
  EXPECT_EQ(letters_demanded("%", utf8), 0U);
  EXPECT_EQ(letters_demanded("ab%", utf8), 2U);
  EXPECT_EQ(letters_demanded("%a_c%", utf8), 3U);
  EXPECT_EQ(letters_demanded("\u00F6%", utf8), 1U);
  EXPECT_EQ(letters_demanded("a\\%%", utf8), 2U);
  EXPECT_EQ(letters_demanded("orders", utf8), kMatchesOneName);
  EXPECT_EQ(letters_demanded("a\\_b", utf8), kMatchesOneName);
  EXPECT_EQ(letters_demanded("", utf8), kMatchesOneName);
}

}  // namespace
}  // namespace db_guard::core
