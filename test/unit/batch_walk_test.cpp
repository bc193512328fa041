#include <gtest/gtest.h>

#include "batch/progress_text.hpp"
#include "batch/statement_text.hpp"
#include "batch/walk_choice.hpp"
#include "core/error.hpp"

namespace db_guard::batch {
namespace {

using core::Text;

Traits usual() {
  Traits traits;
  traits.has_key = true;
  traits.rows_per_page = 60;
  traits.pages = 10000;
  return traits;
}

TEST(WalkChoice, StridesWhereUpdatesCanBeHot) {
  const Choice choice = choose_walk(usual(), Walk::kAuto);
  EXPECT_EQ(choice.walk, Walk::kStride);
  EXPECT_EQ(choice.passes, 11);
}

TEST(WalkChoice, SaysWhyItDoesNot) {
  const auto reason = [](Traits traits) {
    const Choice choice = choose_walk(traits, Walk::kAuto);
    EXPECT_EQ(choice.walk, Walk::kKeyset);
    EXPECT_EQ(choice.passes, 1);
    return choice.reason;
  };
  Traits traits = usual();
  traits.changed_index = Text("by_total");
  EXPECT_NE(reason(traits).find("index by_total has to follow"), Text::npos);
  traits = usual();
  traits.deletes = true;
  EXPECT_NE(reason(traits).find("deletion"), Text::npos);
  traits = usual();
  traits.correlation = -0.1;
  EXPECT_NE(reason(traits).find("different pages"), Text::npos);
  traits = usual();
  traits.rows_per_page = 1.5;
  EXPECT_NE(reason(traits).find("one row"), Text::npos);
  traits = usual();
  traits.pages = 3;
  EXPECT_NE(reason(traits).find("small"), Text::npos);
}

TEST(WalkChoice, WaitsForAnOldSnapshotInOnePass) {
  Traits traits = usual();
  traits.held_horizon = Text("session 7 holds an old snapshot");
  const Choice choice = choose_walk(traits, Walk::kAuto);
  EXPECT_EQ(choice.walk, Walk::kStride);
  EXPECT_EQ(choice.passes, 1);
  EXPECT_EQ(choice.reason, traits.held_horizon);
  EXPECT_EQ(choose_walk(traits, Walk::kStride).passes, 11);
  traits.has_key = false;
  traits.has_where = true;
  EXPECT_EQ(choose_walk(traits, Walk::kAuto).passes, 1);
}

TEST(WalkChoice, PassesNoMoreOftenThanAPageHasRows) {
  Traits traits = usual();
  traits.rows_per_page = 4.5;
  EXPECT_EQ(choose_walk(traits, Walk::kAuto).passes, 3);
}

TEST(WalkChoice, DoesAsItIsTold) {
  Traits traits = usual();
  traits.changed_index = Text("i");
  EXPECT_EQ(choose_walk(traits, Walk::kStride).walk, Walk::kStride);
  EXPECT_EQ(choose_walk(usual(), Walk::kKeyset).walk, Walk::kKeyset);
  traits = usual();
  traits.has_where = true;
  EXPECT_EQ(choose_walk(traits, Walk::kPages).walk, Walk::kPages);
}

TEST(WalkChoice, RefusesWhatWouldChangeRowsTwice) {
  Traits traits = usual();
  traits.has_key = false;
  EXPECT_THROW((void)choose_walk(traits, Walk::kAuto), core::Error);
  EXPECT_THROW((void)choose_walk(traits, Walk::kKeyset), core::Error);
  traits.has_where = true;
  EXPECT_EQ(choose_walk(traits, Walk::kAuto).walk, Walk::kPages);
  traits.has_where = false;
  traits.deletes = true;
  EXPECT_EQ(choose_walk(traits, Walk::kAuto).walk, Walk::kPages);
}

TEST(WalkChoice, KnowsItsNames) {
  EXPECT_EQ(walk_by_name("stride"), Walk::kStride);
  EXPECT_EQ(walk_by_name("Stride"), std::nullopt);
  EXPECT_EQ(walk_by_name(""), std::nullopt);
}

Shape shape_of(std::size_t columns) {
  Shape shape;
  shape.table = Text("ONLY public.t");
  shape.alias = Text("t");
  shape.set_clause = Text("n = 1");
  for (std::size_t i = 0; i < columns; i++) {
    shape.key.push_back({Text(i == 0 ? "a" : "b"), Text("="), Text(">"), Text(">="), Text("<=")});
  }
  return shape;
}

TEST(StatementText, ComparesOneColumnPlainlyAndSeveralAsARow) {
  EXPECT_EQ(change_range(shape_of(1)),
            "UPDATE ONLY public.t AS t SET n = 1\n WHERE t.a >= $1 AND t.a <= $2");
  EXPECT_EQ(change_range(shape_of(2)), "UPDATE ONLY public.t AS t SET n = 1\n WHERE (t.a, t.b) >= "
                                       "($1, $2) AND (t.a, t.b) <= ($3, $4)");
}

TEST(StatementText, KeepsACommentOfTheUserInItsLine) {
  Shape shape = shape_of(1);
  shape.set_clause = Text("n = 1 -- all");
  shape.where_clause = Text("n > 1 -- or less");
  EXPECT_EQ(change_range(shape),
            "UPDATE ONLY public.t AS t SET n = 1 -- all\n WHERE t.a >= $1 AND t.a <= $2 AND "
            "((\nn > 1 -- or less\n) IS TRUE)");
}

TEST(StatementText, LocksAsHardAsTheChangeNeeds) {
  Shape shape = shape_of(1);
  EXPECT_NE(lock_keys(shape).find("FOR NO KEY UPDATE SKIP LOCKED"), Text::npos);
  shape.changes_key = true;
  EXPECT_NE(lock_keys(shape).find("FOR UPDATE SKIP LOCKED"), Text::npos);
}

TEST(ProgressText, SaysWhatIsKnown) {
  EXPECT_EQ(progress_text({7, 420000, 420000, 1000000, 5000}),
            "batch job 7: 42 %, 420000 rows changed, 84000 rows/s, 6 s left");
  EXPECT_EQ(progress_text({7, 0, 0, 0, 0}), "batch job 7: 0 rows changed");
  EXPECT_EQ(progress_text({7, 10, 200, 100, 1000}),
            "batch job 7: 99 %, 10 rows changed, 10 rows/s, 0 ms left");
}

}  // namespace
}  // namespace db_guard::batch
