#include "core/byte_reader.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace db_guard::core {
namespace {

std::vector<unsigned char> written(std::uint64_t value) {
  unsigned char bytes[kMaxVarintLength];
  return {bytes, write_varint(bytes, value)};
}

std::uint64_t read_back(const std::vector<unsigned char>& bytes, bool* damaged) {
  ByteReader reader(bytes.data(), bytes.size());
  const std::uint64_t value = reader.varint();
  *damaged = reader.damaged();
  return value;
}

TEST(ByteReader, ReadsWhatWasWritten) {
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128},
        std::uint64_t{16383}, std::uint64_t{16384}, largest / 2, largest}) {
    bool damaged = true;
    EXPECT_EQ(read_back(written(value), &damaged), value);
    EXPECT_FALSE(damaged);
  }
  EXPECT_EQ(written(127).size(), 1U);
  EXPECT_EQ(written(128).size(), 2U);
  EXPECT_EQ(written(largest).size(), kMaxVarintLength);
}

TEST(ByteReader, SmallNumbersOfEitherSignStaySmall) {
  EXPECT_EQ(zigzag(0), 0U);
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-64}, std::int64_t{63},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

TEST(ByteReader, NumbersThatAreCutOffAreDamage) {
  auto bytes = written(std::numeric_limits<std::uint64_t>::max());
  bytes.pop_back();
  bool damaged = false;
  EXPECT_EQ(read_back(bytes, &damaged), 0U);
  EXPECT_TRUE(damaged);
  EXPECT_EQ(read_back({}, &damaged), 0U);
  EXPECT_TRUE(damaged);
}

TEST(ByteReader, NumbersLongerThan64BitsAreDamage) {
  bool damaged = false;
  EXPECT_EQ(read_back(std::vector<unsigned char>(11, 0x80), &damaged), 0U);
  EXPECT_TRUE(damaged);
  std::vector<unsigned char> two_bits_in_the_last(9, 0xff);
  two_bits_in_the_last.push_back(2);
  EXPECT_EQ(read_back(two_bits_in_the_last, &damaged), 0U);
  EXPECT_TRUE(damaged);
}

TEST(ByteReader, NothingIsReadPastTheEnd) {
  const unsigned char bytes[] = {1, 2, 3};
  ByteReader reader(bytes, sizeof(bytes));
  EXPECT_EQ(reader.byte(), 1U);
  EXPECT_EQ(reader.bytes(2), bytes + 1);
  EXPECT_EQ(reader.left(), 0U);
  EXPECT_FALSE(reader.damaged());
  EXPECT_EQ(reader.bytes(1), nullptr);
  EXPECT_TRUE(reader.damaged());
  EXPECT_EQ(reader.byte(), 0U);
  ByteReader short_one(bytes, sizeof(bytes));
  EXPECT_EQ(short_one.bytes(std::numeric_limits<std::size_t>::max()), nullptr);
  EXPECT_TRUE(short_one.damaged());
}

}  // namespace
}  // namespace db_guard::core
