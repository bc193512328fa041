// What a transaction remembers of its statements, and the transactions of a script.
#include <gtest/gtest.h>

#include "ddl/script_transaction.hpp"
#include "fake_facts.hpp"
#include "readable.hpp"

namespace db_guard::ddl {
namespace {

constexpr std::uint32_t kOrders = 1;
constexpr std::uint32_t kUsers = 2;

class Notes : public testing::Test {
 protected:
  Notes() {
    facts.add_table("orders");
    facts.add_table("users");
  }

  void note(std::uint32_t relation, Lock lock, ActionKind kind = ActionKind::kSetDefault) {
    Statement statement;
    statement.tag = "ALTER TABLE";
    statement.actions.emplace_back();
    statement.actions[0].kind = kind;
    statement.actions[0].target.name = facts.relations[relation - 1].name;
    transaction.note(statement, effects_on(relation, lock), facts);
  }

  void change_rows(const char* tag, std::uint32_t relation, bool all) {
    Statement statement;
    statement.tag = tag;
    Effects effects = effects_on(relation, Lock::kRowExclusive);
    effects.relations[0].scan = all;
    transaction.note(statement, effects, facts);
  }

  static Effects effects_on(std::uint32_t relation, Lock lock) {
    Effects effects;
    effects.actions.emplace_back();
    effects.relations.emplace_back();
    effects.relations[0].relation = relation;
    effects.relations[0].lock = lock;
    return effects;
  }

  FakeFacts facts;
  Transaction transaction;
};

TEST_F(Notes, KeepTheStrongestLockOfEachRelation) {
  EXPECT_FALSE(transaction.holds_locks());
  note(kOrders, Lock::kShareRowExclusive);
  note(kOrders, Lock::kAccessExclusive);
  note(kOrders, Lock::kShare);
  note(kUsers, Lock::kShareUpdateExclusive);
  EXPECT_EQ(transaction.lock_on(kOrders), Lock::kAccessExclusive);
  EXPECT_EQ(transaction.lock_on(kUsers), Lock::kNone);
  EXPECT_EQ(transaction.size(), 1U);
  EXPECT_TRUE(transaction.holds_locks());
  transaction.forget();
  EXPECT_EQ(transaction.lock_on(kOrders), Lock::kNone);
  EXPECT_EQ(transaction.size(), 0U);
}

TEST_F(Notes, AreForgottenWhereThereIsNoRoom) {
  for (std::uint32_t relation = 1; relation <= Transaction::kMost; relation++) {
    ASSERT_NE(transaction.touch(relation), nullptr);
  }
  EXPECT_EQ(transaction.touch(Transaction::kMost + 1), nullptr);
  EXPECT_NE(transaction.touch(1), nullptr);
  EXPECT_EQ(transaction.size(), Transaction::kMost);
}

TEST_F(Notes, AreForgottenWithoutRoomForALockToo) {
  for (std::uint32_t relation = 100; relation < 100 + Transaction::kMost; relation++) {
    transaction.touch(relation);
  }
  note(kOrders, Lock::kAccessExclusive, ActionKind::kAddForeignKey);
  EXPECT_EQ(transaction.lock_on(kOrders), Lock::kNone);
}

TEST_F(Notes, KnowWhereForeignKeysWereAdded) {
  note(kOrders, Lock::kShareRowExclusive, ActionKind::kAddForeignKey);
  EXPECT_TRUE(transaction.touch(kOrders)->foreign_keys_added);
  EXPECT_FALSE(transaction.touch(kOrders)->triggers_disabled);
  note(kUsers, Lock::kAccessExclusive, ActionKind::kAddColumn);
  EXPECT_FALSE(transaction.touch(kUsers)->foreign_keys_added);
}

TEST_F(Notes, OfAScriptKnowThatTriggersAreEnabledAgain) {
  note(kOrders, Lock::kShareRowExclusive, ActionKind::kDisableTriggers);
  note(kOrders, Lock::kShareRowExclusive, ActionKind::kChangeTriggers);
  EXPECT_TRUE(transaction.touch(kOrders)->triggers_disabled) << "the catalogs tell";
  transaction.predicted = true;
  note(kOrders, Lock::kShareRowExclusive, ActionKind::kChangeTriggers);
  EXPECT_FALSE(transaction.touch(kOrders)->triggers_disabled);
}

TEST_F(Notes, OfAScriptCountTheRowsThatAreChangedUnderALock) {
  transaction.predicted = true;
  change_rows("UPDATE", kOrders, true);
  EXPECT_EQ(transaction.size(), 0U) << "no lock is held";
  note(kOrders, Lock::kAccessExclusive);
  change_rows("UPDATE", kOrders, false);
  change_rows("SELECT", kOrders, true);
  change_rows("UPDATE", kUsers, true);
  EXPECT_EQ(transaction.touch(kOrders)->bytes_written, 0U);
  change_rows("UPDATE", kOrders, true);
  EXPECT_EQ(transaction.touch(kOrders)->bytes_written, 41 * kGigabyte);
  change_rows("DELETE", kOrders, true);
  EXPECT_EQ(transaction.touch(kOrders)->bytes_written, 82 * kGigabyte);
}

class Scripts : public Notes {
 protected:
  void run(std::uint32_t relation) {
    Statement statement;
    script.note(statement, effects_on(relation, Lock::kAccessExclusive), facts);
    script.end_of_statement();
  }
  bool holds(std::uint32_t relation) { return script.now().lock_on(relation) != Lock::kNone; }

  ScriptTransaction script;
};

TEST_F(Scripts, OutsideABlockForgetEachStatement) {
  EXPECT_TRUE(script.now().predicted);
  run(kOrders);
  EXPECT_FALSE(holds(kOrders));
}

TEST_F(Scripts, HoldLocksUntilTheBlockEnds) {
  EXPECT_EQ(script.begin(), TransactionSlip::kNone);
  run(kOrders);
  EXPECT_TRUE(holds(kOrders));
  EXPECT_EQ(script.commit(), TransactionSlip::kNone);
  EXPECT_FALSE(holds(kOrders));
  EXPECT_FALSE(script.in_block());
  EXPECT_EQ(script.end_of_script(), TransactionSlip::kNone);
}

TEST_F(Scripts, ChainOneTransactionToTheNext) {
  (void)script.begin();
  run(kOrders);
  EXPECT_EQ(script.commit(true), TransactionSlip::kNone);
  EXPECT_TRUE(script.in_block());
  EXPECT_FALSE(holds(kOrders));
  EXPECT_TRUE(script.now().predicted);
}

TEST_F(Scripts, GoBackToSavepoints) {
  (void)script.begin();
  run(kOrders);
  EXPECT_EQ(script.savepoint("a"), TransactionSlip::kNone);
  run(kUsers);
  EXPECT_EQ(script.savepoint("a"), TransactionSlip::kNone);
  EXPECT_EQ(script.roll_back_to("a"), TransactionSlip::kNone);
  EXPECT_TRUE(holds(kUsers)) << "the newest of that name";
  EXPECT_EQ(script.release("a"), TransactionSlip::kNone);
  EXPECT_EQ(script.roll_back_to("a"), TransactionSlip::kNone);
  EXPECT_FALSE(holds(kUsers));
  EXPECT_TRUE(holds(kOrders));
  EXPECT_EQ(script.roll_back_to("a"), TransactionSlip::kNone) << "it is there still";
  EXPECT_EQ(script.release("b"), TransactionSlip::kNoSavepoint);
  (void)script.commit();
  EXPECT_EQ(script.roll_back_to("a"), TransactionSlip::kNoSavepoint);
}

TEST_F(Scripts, SayWhatIsWrongWithTheirBlocks) {
  EXPECT_EQ(script.commit(), TransactionSlip::kNothingToEnd);
  EXPECT_EQ(script.commit(true), TransactionSlip::kNothingToEnd);
  EXPECT_FALSE(script.in_block());
  EXPECT_EQ(script.savepoint("a"), TransactionSlip::kNoSavepoint);
  (void)script.begin();
  run(kOrders);
  EXPECT_EQ(script.begin(), TransactionSlip::kNested);
  EXPECT_TRUE(holds(kOrders)) << "the outer one goes on";
  EXPECT_EQ(script.end_of_script(), TransactionSlip::kNeverCommitted);
  EXPECT_FALSE(script.in_block());
  EXPECT_EQ(script.end_of_script(), TransactionSlip::kNone);
}

TEST(Slips, HaveWords) {
  EXPECT_TRUE(words_of(TransactionSlip::kNone).empty());
  for (int slip = 1; slip <= int(TransactionSlip::kNeverCommitted); slip++) {
    EXPECT_GT(words_of(TransactionSlip(slip)).size(), 20U) << slip;
  }
}

TEST(ScriptTransaction, CountsWhatStands) {
  ScriptTransaction script;
  script.count_statement();
  script.begin();
  script.count_statement();
  script.savepoint("a");
  script.count_statement();
  script.savepoint("b");
  script.count_statement();
  EXPECT_EQ(script.standing(), 4U);
  script.roll_back_to("b");
  EXPECT_EQ(script.standing(), 3U);
  script.release("a");
  EXPECT_EQ(script.standing(), 3U);
  EXPECT_EQ(script.roll_back(true), TransactionSlip::kNone);
  EXPECT_EQ(script.standing(), 1U);
  script.count_statement();
  script.commit();
  EXPECT_EQ(script.roll_back(), TransactionSlip::kNothingToEnd);
  EXPECT_EQ(script.standing(), 2U);
  script.begin();
  script.count_statement();
  EXPECT_EQ(script.end_of_script(), TransactionSlip::kNeverCommitted);
  EXPECT_EQ(script.standing(), 2U);
}

}  // namespace
}  // namespace db_guard::ddl
