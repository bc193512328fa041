#include "ddl/effects.hpp"

#include <gtest/gtest.h>

#include "fake_facts.hpp"
#include "readable.hpp"

namespace db_guard::ddl {
namespace {

class Effects : public testing::Test {
 protected:
  Effects() : table(facts.add_table("orders")) {
    facts.add_column(table, "total", "numeric");
    facts.add_column(table, "id", "bigint", true);
  }

  ActionEffect effect(ActionKind kind, const char* column = "") {
    action.kind = kind;
    action.column = column;
    return predict(action, table, facts);
  }

  FakeFacts facts;
  Relation table;
  Action action;
};

// "lock, rewrite scan index fk", as far as there is such work.
std::string summary(const ActionEffect& effect) {
  std::string text(lock_name(effect.lock));
  if (effect.rewrite) text += ", rewrite";
  if (effect.scan) text += ", scan";
  if (effect.index_build) text += ", index build";
  if (effect.fk_check) text += ", key check";
  EXPECT_EQ(effect.long_work(),
            effect.rewrite || effect.scan || effect.index_build || effect.fk_check);
  return text;
}

TEST_F(Effects, DropsAndRenamesOnlyLock) {
  EXPECT_EQ(summary(effect(ActionKind::kDropColumn, "total")), "ACCESS EXCLUSIVE");
  EXPECT_EQ(summary(effect(ActionKind::kRenameColumn, "total")), "ACCESS EXCLUSIVE");
  EXPECT_EQ(summary(effect(ActionKind::kRenameRelation)), "ACCESS EXCLUSIVE");
}

TEST_F(Effects, DropIndex) {
  EXPECT_EQ(summary(effect(ActionKind::kDropIndex)), "ACCESS EXCLUSIVE");
  action.concurrently = true;
  EXPECT_EQ(summary(effect(ActionKind::kDropIndex)), "SHARE UPDATE EXCLUSIVE");
}

TEST_F(Effects, CreateIndex) {
  EXPECT_EQ(summary(effect(ActionKind::kCreateIndex)), "SHARE, index build");
  action.key.concurrently = true;
  EXPECT_EQ(summary(effect(ActionKind::kCreateIndex)), "SHARE UPDATE EXCLUSIVE, index build");
}

TEST_F(Effects, CreateIndexOnOnlyAPartitionedTableBuildsNothing) {
  table.only = true;
  EXPECT_EQ(summary(effect(ActionKind::kCreateIndex)), "SHARE, index build");
  table.kind = 'p';
  EXPECT_EQ(summary(effect(ActionKind::kCreateIndex)), "SHARE");
  table.only = false;
  EXPECT_EQ(summary(effect(ActionKind::kCreateIndex)), "SHARE, index build");
}

TEST_F(Effects, AddPlainColumnOnlyLocks) {
  facts.added.type = "text";
  facts.added.default_sql = "'x'::text";
  facts.added.has_default = true;
  facts.added.not_null = true;
  EXPECT_EQ(summary(effect(ActionKind::kAddColumn, "note")), "ACCESS EXCLUSIVE");
  facts.added.virtual_generated = true;
  EXPECT_EQ(summary(effect(ActionKind::kAddColumn, "note")), "ACCESS EXCLUSIVE");
}

TEST_F(Effects, AddColumnRewritesForAValueOfEachRow) {
  for (bool NewColumn::*cause :
       {&NewColumn::volatile_default, &NewColumn::serial, &NewColumn::identity,
        &NewColumn::stored_generated, &NewColumn::constrained_domain}) {
    facts.added = NewColumn();
    facts.added.*cause = true;
    EXPECT_EQ(summary(effect(ActionKind::kAddColumn, "n")),
              "ACCESS EXCLUSIVE, rewrite, index build");
  }
}

TEST_F(Effects, AddUniqueColumnBuildsItsIndex) {
  action.key.unique = true;
  EXPECT_EQ(summary(effect(ActionKind::kAddColumn, "slug")), "ACCESS EXCLUSIVE, index build");
}

TEST_F(Effects, AddColumnThatExistsOrHasNoRowsDoesNothing) {
  facts.added.volatile_default = true;
  facts.added.exists = true;
  EXPECT_EQ(summary(effect(ActionKind::kAddColumn, "total")), "ACCESS EXCLUSIVE");
  facts.added.exists = false;
  table.kind = 'f';
  const ActionEffect foreign = effect(ActionKind::kAddColumn, "n");
  EXPECT_EQ(summary(foreign), "ACCESS EXCLUSIVE");
  EXPECT_FALSE(foreign.added.has_value());
}

TEST_F(Effects, SetNotNullScansWithoutAProof) {
  const ActionEffect scanned = effect(ActionKind::kSetNotNull, "total");
  EXPECT_EQ(summary(scanned), "ACCESS EXCLUSIVE, scan");
  EXPECT_EQ(readable(scanned.proof), "");
  facts.proofs["total"] = "total_filled";
  const ActionEffect proven = effect(ActionKind::kSetNotNull, "total");
  EXPECT_EQ(summary(proven), "ACCESS EXCLUSIVE");
  EXPECT_EQ(readable(proven.proof), "total_filled");
}

TEST_F(Effects, SetNotNullOnWhatHoldsNoNull) {
  EXPECT_EQ(summary(effect(ActionKind::kSetNotNull, "id")), "ACCESS EXCLUSIVE");
  table.kind = 'p';
  table.only = true;
  EXPECT_EQ(summary(effect(ActionKind::kSetNotNull, "total")), "ACCESS EXCLUSIVE");
  table.kind = 'f';
  EXPECT_EQ(summary(effect(ActionKind::kSetNotNull, "total")), "ACCESS EXCLUSIVE");
}

TEST_F(Effects, SetNotNullOnAColumnOfTheSameStatementScans) {
  EXPECT_EQ(summary(effect(ActionKind::kSetNotNull, "new")), "ACCESS EXCLUSIVE, scan");
}

TEST_F(Effects, SetType) {
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")), "ACCESS EXCLUSIVE");
  facts.change.rebuilt_indexes.emplace_back("public.i");
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")), "ACCESS EXCLUSIVE, index build");
  facts.change.checked.emplace_back("positive");
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")),
            "ACCESS EXCLUSIVE, scan, index build");
  facts.change.foreign_keys_checked = true;
  facts.change.rewrite = true;
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")),
            "ACCESS EXCLUSIVE, rewrite, index build, key check");
}

TEST_F(Effects, SetTypeThatTheServerRefusesDoesNothing) {
  facts.change.rewrite = true;
  facts.change.refused = true;
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")), "ACCESS EXCLUSIVE");
  facts.change.refused = false;
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "no_such")), "ACCESS EXCLUSIVE");
  table.kind = 'f';
  EXPECT_EQ(summary(effect(ActionKind::kSetColumnType, "total")), "ACCESS EXCLUSIVE");
}

TEST_F(Effects, AddUnique) {
  action.key.columns.emplace_back("total");
  EXPECT_EQ(summary(effect(ActionKind::kAddUnique)), "ACCESS EXCLUSIVE, index build");
  action.key.existing_index = "orders_total_idx";
  EXPECT_EQ(summary(effect(ActionKind::kAddUnique)), "ACCESS EXCLUSIVE");
}

TEST_F(Effects, AddPrimaryKeyScansNullableColumns) {
  action.key.columns.emplace_back("id");
  EXPECT_EQ(summary(effect(ActionKind::kAddPrimaryKey)), "ACCESS EXCLUSIVE, index build");
  action.key.columns.emplace_back("total");
  EXPECT_EQ(summary(effect(ActionKind::kAddPrimaryKey)), "ACCESS EXCLUSIVE, scan, index build");
  facts.proofs["total"] = "total_filled";
  EXPECT_EQ(summary(effect(ActionKind::kAddPrimaryKey)), "ACCESS EXCLUSIVE, index build");
}

TEST_F(Effects, AddKeyToOnlyAPartitionedTableBuildsNothing) {
  action.key.columns.emplace_back("total");
  table.kind = 'p';
  table.only = true;
  EXPECT_EQ(summary(effect(ActionKind::kAddPrimaryKey)), "ACCESS EXCLUSIVE");
  EXPECT_EQ(summary(effect(ActionKind::kAddUnique)), "ACCESS EXCLUSIVE");
}

TEST(LockNames, AreTheServers) {
  EXPECT_EQ(lock_name(Lock::kShareRowExclusive), "SHARE ROW EXCLUSIVE");
  EXPECT_EQ(lock_mode(Lock::kShareRowExclusive), "ShareRowExclusiveLock");
  EXPECT_EQ(lock_name(Lock::kAccessExclusive), "ACCESS EXCLUSIVE");
  EXPECT_EQ(lock_mode(Lock::kAccessShare), "AccessShareLock");
  EXPECT_EQ(lock_mode(Lock::kNone), "");
}

TEST(LockNames, SayWhoWaits) {
  EXPECT_EQ(who_waits(Lock::kShareUpdateExclusive), "reads and writes go on");
  EXPECT_EQ(who_waits(Lock::kShare), "writes wait");
  EXPECT_EQ(who_waits(Lock::kExclusive), "writes wait");
  EXPECT_EQ(who_waits(Lock::kAccessExclusive), "reads and writes wait");
}

}  // namespace
}  // namespace db_guard::ddl
