#include <gtest/gtest.h>

#include "core/name_hash.hpp"
#include "locks/retries.hpp"

namespace db_guard {
namespace {

// Keys are on disk, and clients may have them written down: these are fixed for good.
TEST(NameHash, NeverChanges) {
  EXPECT_EQ(std::int64_t(core::name_hash("deploy")), 8160009411467631375);
  EXPECT_EQ(std::int64_t(core::name_hash("Deploy")), -2635701679825171779);
  EXPECT_NE(core::name_hash("ab"), core::name_hash("ba"));
}

TEST(Ladder, BeginsShortAndStaysBounded) {
  const locks::Ladder ladder{20, 1000, 10000};
  EXPECT_EQ(locks::lock_timeout_of(ladder, 0), 20);
  EXPECT_EQ(locks::lock_timeout_of(ladder, 1), 40);
  EXPECT_EQ(locks::lock_timeout_of(ladder, 6), 1000);
  EXPECT_EQ(locks::lock_timeout_of(ladder, 1000000), 1000);
  EXPECT_EQ(locks::lock_timeout_of({20, 5, 0}, 0), 5);
}

TEST(Ladder, PausesLongerThanItBlocksAndNotAllAtOnce) {
  const locks::Ladder ladder{20, 1000, 3000};
  EXPECT_EQ(locks::pause_behind(ladder, 0, 0), 50);
  EXPECT_EQ(locks::pause_behind(ladder, 0, 1), 100);
  EXPECT_EQ(locks::pause_behind(ladder, 100, 1), 3000);
}

}  // namespace
}  // namespace db_guard
