#include "core/sql_script.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace db_guard::core {
namespace {

// Every piece as "line:text", with the kind in front where it is no statement.
std::vector<std::string> pieces(std::string_view script) {
  std::vector<std::string> result;
  for (const Piece& piece : split_script(script)) {
    const char* kind = piece.kind == PieceKind::kStatement     ? ""
                       : piece.kind == PieceKind::kMetaCommand ? "meta "
                                                               : "data ";
    EXPECT_EQ(script.substr(piece.offset, piece.text.size()), piece.text);
    result.push_back(kind + std::to_string(piece.line) + ":" + std::string(piece.text));
  }
  return result;
}

using List = std::vector<std::string>;

TEST(SplitScript, Statements) {
  EXPECT_EQ(pieces(""), List());
  EXPECT_EQ(pieces(" ;; \n;"), List());
  EXPECT_EQ(pieces("SELECT 1"), List({"1:SELECT 1"}));
  EXPECT_EQ(pieces("SELECT 1;\nSELECT 2 ;\n\nSELECT\n3"),
            List({"1:SELECT 1", "2:SELECT 2", "4:SELECT\n3"}));
}

TEST(SplitScript, CommentsBelongToNobody) {
  EXPECT_EQ(pieces("-- a;\n/* b; /* c; */ ; */ SELECT 1 -- d;\n; SELECT /* ; */ 2 /* e */"),
            List({"2:SELECT 1", "3:SELECT /* ; */ 2"}));
  EXPECT_EQ(pieces("SELECT 1 /* open ; SELECT 2"), List({"1:SELECT 1"}));
}

TEST(SplitScript, Quotes) {
  EXPECT_EQ(pieces("SELECT 'a;''b;', \"c;\"\"d;\"; x"),
            List({"1:SELECT 'a;''b;', \"c;\"\"d;\"", "1:x"}));
  EXPECT_EQ(pieces("SELECT E'a\\';', 'b\\'; y"), List({"1:SELECT E'a\\';', 'b\\'", "1:y"}));
  EXPECT_EQ(pieces("SELECT e'\\\\'; z"), List({"1:SELECT e'\\\\'", "1:z"}));
  EXPECT_EQ(pieces("SELECT 'open; SELECT 2"), List({"1:SELECT 'open; SELECT 2"}));
  EXPECT_EQ(pieces("SELECT \"open; SELECT 2"), List({"1:SELECT \"open; SELECT 2"}));
}

TEST(SplitScript, DollarQuotes) {
  EXPECT_EQ(pieces("DO $$ a; b $$; SELECT 1"), List({"1:DO $$ a; b $$", "1:SELECT 1"}));
  EXPECT_EQ(pieces("DO $x$ a; $$; $y$; $x$; c"), List({"1:DO $x$ a; $$; $y$; $x$", "1:c"}));
  EXPECT_EQ(pieces("SELECT $1, a$b$c; d"), List({"1:SELECT $1, a$b$c", "1:d"}));
  EXPECT_EQ(pieces("DO $$ open; b"), List({"1:DO $$ open; b"}));
}

TEST(SplitScript, Parentheses) {
  EXPECT_EQ(pieces("CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2); x"),
            List({"1:CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2)", "1:x"}));
  EXPECT_EQ(pieces("SELECT 1); y"), List({"1:SELECT 1)", "1:y"}));
}

TEST(SplitScript, BodiesInSql) {
  EXPECT_EQ(pieces("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; "
                   "SELECT 2; END; x"),
            List({"1:CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; "
                  "SELECT 2; END",
                  "1:x"}));
  EXPECT_EQ(pieces("CREATE OR REPLACE PROCEDURE p() begin atomic DELETE FROM t; end; y").size(),
            2U);
  EXPECT_EQ(pieces("BEGIN; CREATE TABLE t (a int); END; z").size(), 4U);
}

TEST(SplitScript, PsqlCommands) {
  EXPECT_EQ(
      pieces("\\set x 1; 2\nSELECT 1 \\gset\n\\c db\nSELECT 2;"),
      List({"meta 1:\\set x 1; 2", "2:SELECT 1", "meta 2:\\gset", "meta 3:\\c db", "4:SELECT 2"}));
  EXPECT_EQ(pieces("SELECT 'a\\b'; x"), List({"1:SELECT 'a\\b'", "1:x"}));
}

TEST(SplitScript, DataOfCopy) {
  EXPECT_EQ(
      pieces("COPY t (a, b) FROM stdin WITH (FORMAT text);\n1\t'x;\n\\.\nSELECT 1;"),
      List({"1:COPY t (a, b) FROM stdin WITH (FORMAT text)", "data 2:1\t'x;\n", "4:SELECT 1"}));
  EXPECT_EQ(pieces("COPY t FROM STDIN;\n1\n"), List({"1:COPY t FROM STDIN", "data 2:1\n"}));
  EXPECT_EQ(pieces("COPY t FROM 'stdin'; SELECT 1"), List({"1:COPY t FROM 'stdin'", "1:SELECT 1"}));
  EXPECT_EQ(pieces("COPY t TO stdout; SELECT 1"), List({"1:COPY t TO stdout", "1:SELECT 1"}));
}

TEST(LineOf, CountsFromOne) {
  EXPECT_EQ(line_of("a\nb\nc", 0), 1);
  EXPECT_EQ(line_of("a\nb\nc", 2), 2);
  EXPECT_EQ(line_of("a\nb\nc", 99), 3);
}

}  // namespace
}  // namespace db_guard::core
