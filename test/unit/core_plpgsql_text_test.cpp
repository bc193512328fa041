#include "core/plpgsql_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace db_guard::core {
namespace {

std::vector<std::string> embedded(std::string_view body) {
  std::vector<std::string> result;
  for (const EmbeddedStatement& statement : find_embedded(body)) {
    result.push_back((statement.executed ? "execute " : "") + std::string(statement.sql));
    if (!statement.executed) {
      EXPECT_EQ(body.substr(statement.offset, statement.sql.size()), statement.sql);
      EXPECT_LE(statement.sql.size(), statement.length);
    }
  }
  return result;
}

using List = std::vector<std::string>;

TEST(FindEmbedded, CommandsOfTheBody) {
  EXPECT_EQ(embedded("BEGIN\n  ALTER TABLE t ADD c text;\nEND"),
            List({"ALTER TABLE t ADD c text"}));
  EXPECT_EQ(
      embedded(
          "DECLARE n int; BEGIN SELECT 1 INTO n; IF n > 0 THEN DROP TABLE a; ELSE DROP TABLE b; "
          "END IF; FOR i IN 1..2 LOOP CREATE TABLE c (); END LOOP; EXCEPTION WHEN others THEN "
          "TRUNCATE d; END"),
      List({"DROP TABLE a", "DROP TABLE b", "CREATE TABLE c ()", "TRUNCATE d"}));
  EXPECT_EQ(embedded("BEGIN -- ALTER TABLE x\n PERFORM 'begin drop table y; end'; END"), List());
}

TEST(FindEmbedded, QuotesAndCommentsInside) {
  EXPECT_EQ(
      embedded("BEGIN ALTER TABLE \"a;b\" SET (x = ';') /* ; */; SET lock_timeout = '2s'; END"),
      List({"ALTER TABLE \"a;b\" SET (x = ';')", "SET lock_timeout = '2s'"}));
}

TEST(FindEmbedded, NamesThatLookLikeCommands) {
  EXPECT_EQ(embedded("BEGIN lock := 1; set = 2; reset[1] := 3; END"), List());
  EXPECT_EQ(embedded("BEGIN update := 1; delete.a := 2; END"), List());
}

TEST(FindEmbedded, Changes) {
  EXPECT_EQ(embedded("BEGIN UPDATE t SET a = n; DELETE FROM t; INSERT INTO t VALUES (1); END"),
            List({"UPDATE t SET a = n", "DELETE FROM t"}));
  EXPECT_EQ(embedded("BEGIN UPDATE t SET a = 1 RETURNING b INTO STRICT c; DROP TABLE d; END"),
            List({"UPDATE t SET a = 1 RETURNING b", "DROP TABLE d"}));
  EXPECT_EQ(embedded("BEGIN MERGE INTO t USING s ON a = b WHEN MATCHED THEN UPDATE SET a = 1 WHEN "
                     "MATCHED THEN DELETE; END"),
            List());
  EXPECT_EQ(embedded("BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2; END"),
            List());
}

TEST(FindEmbedded, Execute) {
  EXPECT_EQ(embedded("BEGIN EXECUTE 'DROP TABLE \"it''s\"'; END"),
            List({"execute DROP TABLE \"it's\""}));
  EXPECT_EQ(embedded("BEGIN EXECUTE $q$DROP TABLE a$q$ USING 1; END"),
            List({"execute DROP TABLE a"}));
  EXPECT_EQ(embedded("BEGIN EXECUTE 'DROP TABLE' || ' a' INTO b; END"),
            List({"execute DROP TABLE a"}));
}

TEST(FindEmbedded, WhatOnlyTheRunKnows) {
  EXPECT_EQ(embedded("BEGIN EXECUTE format('DROP TABLE %I', n); DROP TABLE a; END"),
            List({"execute ", "DROP TABLE a"}));
  EXPECT_EQ(embedded("BEGIN EXECUTE 'DROP TABLE ' || n; END"), List({"execute "}));
  EXPECT_EQ(embedded("BEGIN EXECUTE query USING 1; EXECUTE"), List({"execute ", "execute "}));
}

}  // namespace
}  // namespace db_guard::core
