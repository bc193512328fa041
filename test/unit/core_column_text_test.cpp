#include "core/column_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace db_guard::core {
namespace {

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
  EXPECT_EQ(replaced("(\"A\"\"b\", \"A\")", "\"A\"\"b\""), "(\"B c\", \"A\")");
  EXPECT_EQ(replaced("(\"A\"\"b\", \"A\")", "\"A\""), "(\"A\"\"b\", \"B c\")");
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

}  // namespace
}  // namespace db_guard::core
