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

std::string replaced(std::string_view sql, std::string_view from = "a") {
  const Text text = replace_column(sql, from, "\"B c\"");
  return {text.data(), text.size()};
}

TEST(ReplaceColumn, OnlyTheColumn) {
  EXPECT_EQ(replaced(""), "");
  EXPECT_EQ(replaced(" USING btree (a DESC, aa, lower(a))"),
            " USING btree (\"B c\" DESC, aa, lower(\"B c\"))");
  EXPECT_EQ(replaced("CHECK (((a)::text <> 'a'::text) AND (\"a\" > 1))"),
            "CHECK (((\"B c\")::text <> 'a'::text) AND (\"a\" > 1))");
  EXPECT_EQ(replaced("\"A\" = a", "\"A\""), "\"B c\" = a");
}

TEST(ReplaceColumn, NoFunctionTypeFieldCollationOrMethodOfThatName) {
  for (const char* sql : {"a(1)", "a.f(1)", "x::a", "(x).a", "x COLLATE a", " USING a (x)"}) {
    EXPECT_EQ(replaced(sql), sql);
  }
}

TEST(ReplaceColumn, NothingInStrings) {
  EXPECT_EQ(replaced("'it''s a' || a"), "'it''s a' || \"B c\"");
  EXPECT_EQ(replaced("E'\\\\\\' a' || a"), "E'\\\\\\' a' || \"B c\"");
  EXPECT_EQ(replaced("'\\' || a"), "'\\' || \"B c\"");
  EXPECT_EQ(replaced("'a"), "'a");
  EXPECT_EQ(replaced("\"a"), "\"a");
}

TEST(ReplaceColumn, NotTheReferencedTable) {
  EXPECT_EQ(replaced("FOREIGN KEY (a, x) REFERENCES a(a) ON DELETE SET NULL (a)"),
            "FOREIGN KEY (\"B c\", x) REFERENCES a(a) ON DELETE SET NULL (a)");
}

TEST(ReplaceReferencedColumn, OnlyBehindTheTable) {
  const auto replaced = [](std::string_view sql) {
    const Text text = replace_referenced_column(sql, "a", "b");
    return std::string(text.data(), text.size());
  };
  EXPECT_EQ(replaced("FOREIGN KEY (a, x) REFERENCES a(a, c) ON DELETE CASCADE"),
            "FOREIGN KEY (a, x) REFERENCES a(b, c) ON DELETE CASCADE");
  EXPECT_EQ(replaced("FOREIGN KEY (\"REFERENCES \") REFERENCES s.\"a (\"(a)"),
            "FOREIGN KEY (\"REFERENCES \") REFERENCES s.\"a (\"(b)");
  EXPECT_EQ(replaced("CHECK (a > 1)"), "CHECK (a > 1)");
  EXPECT_EQ(replaced("REFERENCES"), "REFERENCES");
  EXPECT_EQ(replaced(""), "");
}

TEST(TrimStatement, TakesBlanksAndSemicolons) {
  EXPECT_EQ(trim_statement(""), "");
  EXPECT_EQ(trim_statement(" ;\n; "), "");
  EXPECT_EQ(trim_statement("\f\v\t SELECT 1 ;\r\n;"), "SELECT 1");
  EXPECT_EQ(trim_statement(";SELECT 1"), ";SELECT 1");
  EXPECT_EQ(trim_statement("SELECT ';' -- ;"), "SELECT ';' --");
}

}  // namespace
}  // namespace db_guard::core
