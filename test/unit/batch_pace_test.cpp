#include "batch/pace.hpp"

#include <gtest/gtest.h>

namespace db_guard::batch {
namespace {

// Runs batches of a table whose rows take `cost` milliseconds each; returns how many it took until
// one was within a quarter of the asked time.
int batches_until_right(Pace& pace, double target, double cost) {
  for (int batch = 1; batch <= 20; batch++) {
    const double took = double(pace.size()) * cost;
    if (took > target * 0.75 && took < target * 1.25) return batch;
    pace.note(pace.size(), took);
  }
  return 99;
}

TEST(Pace, FindsTheSizeThoughItIsAHundredTimesOff) {
  Pace too_small(50, 100);
  EXPECT_LE(batches_until_right(too_small, 50, 0.005), 8);
  Pace too_large(50, 100000);
  EXPECT_LE(batches_until_right(too_large, 50, 0.05), 8);
}

TEST(Pace, IsNotMisledByOneThatWaited) {
  Pace pace(50, 1000);
  for (int i = 0; i < 6; i++) pace.note(pace.size(), double(pace.size()) * 0.01);
  const auto before = pace.size();
  pace.note(before, 60000);
  EXPECT_EQ(pace.size(), before);
}

TEST(Pace, StaysAsItIsWithoutATarget) {
  Pace pace(0, 7);
  pace.note(7, 10000);
  pace.note(7, 0.001);
  EXPECT_EQ(pace.size(), 7);
}

TEST(Pace, NeverStops) {
  Pace pace(50, 0);
  EXPECT_EQ(pace.size(), 1);
  for (int i = 0; i < 10; i++) pace.note(1, 1e9);
  EXPECT_EQ(pace.size(), 1);
  pace.note(0, 5);
  EXPECT_EQ(pace.size(), 1);
}

}  // namespace
}  // namespace db_guard::batch
