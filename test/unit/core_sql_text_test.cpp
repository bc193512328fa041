#include "core/sql_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace db_guard::core {
namespace {

// What stands behind the name that begins at the `^` of `marked`, or "none".
std::string behind(std::string marked) {
  const std::size_t start = marked.find('^');
  marked.erase(start, 1);
  const std::size_t end = end_of_name(marked, start);
  return end == std::string_view::npos ? "none" : marked.substr(end);
}

TEST(EndOfName, PlainNames) {
  EXPECT_EQ(behind("ON ^orders (total)"), " (total)");
  EXPECT_EQ(behind("ON ^orders(total)"), "(total)");
  EXPECT_EQ(behind("^orders"), "");
  EXPECT_EQ(behind("^a1_$b USING gin"), " USING gin");
  EXPECT_EQ(behind("^_hidden(x)"), "(x)");
}

TEST(EndOfName, QualifiedNames) {
  EXPECT_EQ(behind("^shop.orders (a)"), " (a)");
  EXPECT_EQ(behind("^db.shop.orders (a)"), " (a)");
  EXPECT_EQ(behind("^shop . orders (a)"), " (a)");
  EXPECT_EQ(behind("^shop.\n\t orders (a)"), " (a)");
}

TEST(EndOfName, QuotedNames) {
  EXPECT_EQ(behind("^\"Orders\" (a)"), " (a)");
  EXPECT_EQ(behind("^\"a.b\".\"c d\"(a)"), "(a)");
  EXPECT_EQ(behind("^\"say \"\"hi\"\"\" (a)"), " (a)");
  EXPECT_EQ(behind("^\"\"\"\" (a)"), " (a)");
  EXPECT_EQ(behind("^\"--no comment\" (a)"), " (a)");
  EXPECT_EQ(behind("^\"/*\" (a)"), " (a)");
  EXPECT_EQ(behind("^shop.\"Orders\" (a)"), " (a)");
  EXPECT_EQ(behind("^\"Shop\".orders (a)"), " (a)");
}

TEST(EndOfName, CommentsBetweenTheParts) {
  EXPECT_EQ(behind("^shop/* . */./* x */orders (a)"), " (a)");
  EXPECT_EQ(behind("^shop /* a /* nested */ b */ . orders (a)"), " (a)");
  EXPECT_EQ(behind("^shop -- . not here\n . orders (a)"), " (a)");
  EXPECT_EQ(behind("^shop. -- the table:\norders (a)"), " (a)");
}

TEST(EndOfName, LeavesACommentBehindTheNameAlone) {
  EXPECT_EQ(behind("^orders /* hot */ (a)"), " /* hot */ (a)");
  EXPECT_EQ(behind("^orders -- hot\n (a)"), " -- hot\n (a)");
}

TEST(EndOfName, TakesTheStarAndTheClosingParenthesis) {
  EXPECT_EQ(behind("^orders * (a)"), " (a)");
  EXPECT_EQ(behind("^orders* (a)"), " (a)");
  EXPECT_EQ(behind("^shop.orders /* all */ * (a)"), " (a)");
  EXPECT_EQ(behind("ON ONLY (^orders) (a)"), " (a)");
  EXPECT_EQ(behind("ON ONLY ( ^shop.orders /* x */ ) (a)"), " (a)");
}

TEST(EndOfName, OnlyIsAWordInFrontOfTheName) { EXPECT_EQ(behind("ON ONLY ^orders (a)"), " (a)"); }

TEST(EndOfName, BytesBeyondAsciiBelongToNames) {
  EXPECT_EQ(behind("^bestellung_größe (a)"), " (a)");
  EXPECT_EQ(behind("^注文.明細(a)"), "(a)");
  EXPECT_EQ(behind("^\xe4\xf6\xfc (a)"), " (a)");  // LATIN1
}

TEST(EndOfName, RefusesUnicodeEscapes) {
  EXPECT_EQ(behind("^U&\"d\\0061t\" (a)"), "none");
  EXPECT_EQ(behind("^u&\"x\" (a)"), "none");
  EXPECT_EQ(behind("^shop.U&\"x\" (a)"), "none");
  EXPECT_EQ(behind("^u (a)"), " (a)");
  EXPECT_EQ(behind("^U.x (a)"), " (a)");
}

TEST(EndOfName, RefusesWhatIsNoName) {
  EXPECT_EQ(behind("^"), "none");
  EXPECT_EQ(behind("^(a)"), "none");
  EXPECT_EQ(behind("^1a"), "none");
  EXPECT_EQ(behind("^$a"), "none");
  EXPECT_EQ(behind("^shop."), "none");
  EXPECT_EQ(behind("^shop.(a)"), "none");
  EXPECT_EQ(behind("^shop./* no end"), "none");
  EXPECT_EQ(behind("^\"no end"), "none");
  EXPECT_EQ(behind("^\"no end\"\""), "none");
  EXPECT_EQ(end_of_name("abc", 3), std::string_view::npos);
  EXPECT_EQ(end_of_name("abc", 400), std::string_view::npos);
}

TEST(EndOfName, AnUnfinishedCommentEndsTheText) {
  EXPECT_EQ(behind("^orders /* no end"), " /* no end");
  EXPECT_EQ(behind("^orders /*/ (a)"), " /*/ (a)");
  EXPECT_EQ(behind("^orders -- no end"), " -- no end");
}

std::vector<std::string> split(std::string_view sql) {
  std::vector<std::string> parts;
  for (const std::string_view part : split_at_commas(sql)) parts.emplace_back(part);
  return parts;
}

TEST(SplitAtCommas, SeesOnlyThoseBetweenTheParts) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split(""), Parts{""});
  EXPECT_EQ(split(" ADD a int ,\n DROP b;"), (Parts{"ADD a int", "DROP b"}));
  EXPECT_EQ(split("f(a, b), c[1, 2]"), (Parts{"f(a, b)", "c[1, 2]"}));
  EXPECT_EQ(split("'a, ''b', E'c\\', d', \"e, f\""), (Parts{"'a, ''b'", "E'c\\', d'", "\"e, f\""}));
  EXPECT_EQ(split("$$a, b$$, $x$c, $$ d$x$, $1, $2"),
            (Parts{"$$a, b$$", "$x$c, $$ d$x$", "$1", "$2"}));
  EXPECT_EQ(split("a /* , /* , */ , */, b -- , c"), (Parts{"a /* , /* , */ , */", "b -- , c"}));
  EXPECT_EQ(split("'no end, a"), Parts{"'no end, a"});
  EXPECT_EQ(split("a), b"), (Parts{"a)", "b"}));
}

TEST(TrimComments, LeavesThoseInside) {
  EXPECT_EQ(trim_comments(""), "");
  EXPECT_EQ(trim_comments(" -- nothing"), "");
  EXPECT_EQ(trim_comments("/* a */ CHECK (x > 0 /* b */ ) -- c"), "CHECK (x > 0 /* b */ )");
  EXPECT_EQ(trim_comments("'-- no comment'"), "'-- no comment'");
  EXPECT_EQ(trim_comments("a -- b\n c\n"), "a -- b\n c");
  EXPECT_EQ(trim_comments("\"no end "), "\"no end ");
}

TEST(ReplaceTokens, LeavesStringsCommentsAndNames) {
  EXPECT_EQ(replace_tokens("VALUE > 0 AND f(VALUE)", "VALUE", "\"x y\""),
            "\"x y\" > 0 AND f(\"x y\")");
  EXPECT_EQ(
      replace_tokens("'VALUE' \"VALUE\" value VALUES /* VALUE */ $$VALUE$$ -- VALUE", "VALUE", "x"),
      "'VALUE' \"VALUE\" value VALUES /* VALUE */ $$VALUE$$ -- VALUE");
  EXPECT_EQ(replace_tokens("", "VALUE", "x"), "");
  EXPECT_EQ(replace_tokens(" VALUE ", "VALUE", "VALUE VALUE"), " VALUE VALUE ");
}

TEST(TrimStatement, TakesBlanksAndSemicolons) {
  EXPECT_EQ(trim_statement(""), "");
  EXPECT_EQ(trim_statement(" ;\n; "), "");
  EXPECT_EQ(trim_statement("\f\v\t SELECT 1 ;\r\n;"), "SELECT 1");
  EXPECT_EQ(trim_statement(";SELECT 1"), ";SELECT 1");
  EXPECT_EQ(trim_statement("SELECT ';' -- ;"), "SELECT ';' --");
}

TEST(EndOfCode, IsBehindTheLastToken) {
  EXPECT_EQ(end_of_code(""), 0U);
  EXPECT_EQ(end_of_code("  -- nothing\n"), 0U);
  EXPECT_EQ(end_of_code("CHECK (a > 0)"), 13U);
  EXPECT_EQ(end_of_code("CHECK (a > 0) /* b */ -- c"), 13U);
  EXPECT_EQ(end_of_code("a '-- b' "), 8U);
  EXPECT_EQ(end_of_code("a \"not closed -- b"), 18U);
}

}  // namespace
}  // namespace db_guard::core
