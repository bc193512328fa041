#include "core/sql_tokens.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace db_guard::core {
namespace {

std::vector<std::string> texts(std::string_view sql) {
  std::vector<std::string> result;
  for (Token token = next_token(sql, 0); token.kind != TokenKind::kEnd;
       token = next_token(sql, token.end())) {
    EXPECT_EQ(sql.substr(token.offset, token.text.size()), token.text);
    result.emplace_back(token.text);
  }
  return result;
}

using List = std::vector<std::string>;

TEST(NextToken, CutsWhereTheServerCuts) {
  EXPECT_EQ(texts(""), List());
  EXPECT_EQ(texts(" \n "), List());
  EXPECT_EQ(texts("a=b1 ||'c''d'"), List({"a", "=", "b1", "|", "|", "'c''d'"}));
  EXPECT_EQ(texts("E'a\\'b' 'a\\' c"), List({"E'a\\'b'", "'a\\'", "c"}));
  EXPECT_EQ(texts("\"a\"\"b\" $1 $$x;$$ $t$ $$ $t$"),
            List({"\"a\"\"b\"", "$", "1", "$$x;$$", "$t$ $$ $t$"}));
  EXPECT_EQ(texts("a -- b\nc /* d /* e */ */ f"), List({"a", "-- b", "c", "/* d /* e */ */", "f"}));
}

TEST(NextToken, WhatIsNotClosedRunsToTheEnd) {
  EXPECT_EQ(texts("a 'b; c"), List({"a", "'b; c"}));
  EXPECT_EQ(texts("a \"b; c"), List({"a", "\"b; c"}));
  EXPECT_EQ(texts("a $$b; c"), List({"a", "$$b; c"}));
  EXPECT_EQ(texts("a /* b"), List({"a", "/* b"}));
}

TEST(StringValue, UndoesTheQuotes) {
  EXPECT_EQ(string_value("'it''s'"), "it's");
  EXPECT_EQ(string_value("''"), "");
  EXPECT_EQ(string_value("E'a\\nb\\'c'"), "a\nb'c");
  EXPECT_EQ(string_value("$q$it's$q$"), "it's");
  EXPECT_EQ(string_value("$$$$"), "");
  EXPECT_EQ(string_value("'open"), "open");
  EXPECT_EQ(string_value("'open''"), "open'");
  EXPECT_EQ(string_value("$$open"), "open");
}

TEST(WithoutLayout, KeepsWhatCounts) {
  EXPECT_EQ(without_layout("ALTER  TABLE\n\"T\" -- why\n ADD c text;"),
            "alter table \"T\" add c text ;");
  EXPECT_EQ(without_layout("alter table \"T\"/* */add C TEXT ;"),
            without_layout("ALTER TABLE \"T\" ADD c text;"));
  EXPECT_NE(without_layout("SELECT 'A'"), without_layout("SELECT 'a'"));
}

}  // namespace
}  // namespace db_guard::core
