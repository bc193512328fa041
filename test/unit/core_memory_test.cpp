#include "core/memory.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace db_guard::core {
namespace {

// Counts what goes through it.
class Counter : public std::pmr::memory_resource {
 public:
  std::size_t taken = 0;
  std::size_t returned = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    taken += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    returned += bytes;
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

// Installs a resource for a scope, as the wall does.
class Installed {
 public:
  explicit Installed(std::pmr::memory_resource& next) : previous_(exchange_resource(&next)) {}
  ~Installed() { exchange_resource(previous_); }
  Installed(const Installed&) = delete;
  Installed& operator=(const Installed&) = delete;

 private:
  std::pmr::memory_resource* previous_;
};

const Text kLong(1000, 'x');  // beyond what a string keeps within itself

TEST(Resource, IsTheHeapUntilOneIsInstalled) {
  EXPECT_EQ(resource(), std::pmr::new_delete_resource());
}

TEST(Resource, ExchangeReturnsTheOneBefore) {
  Counter outer;
  Counter inner;
  std::pmr::memory_resource* first = exchange_resource(&outer);
  EXPECT_EQ(resource(), &outer);
  EXPECT_EQ(exchange_resource(&inner), &outer);
  EXPECT_EQ(resource(), &inner);
  EXPECT_EQ(exchange_resource(&outer), &inner);
  EXPECT_EQ(exchange_resource(first), &outer);
  EXPECT_EQ(resource(), std::pmr::new_delete_resource());
}

TEST(Allocator, TakesFromTheInstalledResource) {
  Counter counter;
  {
    const Installed installed(counter);
    const Text text(1000, 'x');
    EXPECT_GE(counter.taken, 1000U);
    const std::size_t before = counter.taken;
    const Vector<int> numbers(100);
    EXPECT_EQ(counter.taken - before, 100 * sizeof(int));
  }
  EXPECT_EQ(counter.taken, counter.returned);
}

TEST(Allocator, ReturnsToWhereItTookFrom) {
  Counter outer;
  Counter inner;
  const Installed installed(outer);
  {
    const Text text(1000, 'x');
    const Installed other(inner);
    EXPECT_EQ(outer.returned, 0U);
  }
  EXPECT_EQ(outer.taken, outer.returned);
  EXPECT_EQ(inner.taken + inner.returned, 0U);
}

TEST(Allocator, ACopyBelongsToWhoMakesIt) {
  Counter counter;
  const Installed installed(counter);
  const Text copy = kLong;
  EXPECT_GE(counter.taken, kLong.size());
  EXPECT_EQ(copy.get_allocator().source(), &counter);
}

TEST(Allocator, AMovedTextKeepsItsBlock) {
  Counter counter;
  Text text(1000, 'x');
  const char* block = text.data();
  const Installed installed(counter);
  const Text moved = std::move(text);
  EXPECT_EQ(moved.data(), block);
  EXPECT_EQ(counter.taken, 0U);
}

TEST(Allocator, AssignedAcrossResourcesIsCopied) {
  Counter counter;
  Text target(500, 'y');
  {
    const Installed installed(counter);
    Text source(1000, 'x');
    target = std::move(source);
  }
  EXPECT_EQ(target, kLong);
  EXPECT_EQ(counter.taken, counter.returned);
  EXPECT_EQ(target.get_allocator().source(), std::pmr::new_delete_resource());
}

TEST(Allocator, EqualMeansTheSameResource) {
  Counter counter;
  const Allocator<char> heap;
  const Installed installed(counter);
  const Allocator<char> counting;
  EXPECT_FALSE(heap == counting);
  EXPECT_TRUE(heap != counting);
  EXPECT_TRUE(counting == Allocator<int>());
}

TEST(Allocator, RefusesACountThatOverflows) {
  Allocator<std::uint64_t> allocator;
  EXPECT_THROW((void)allocator.allocate(std::numeric_limits<std::size_t>::max() / 4),
               std::bad_alloc);
}

}  // namespace
}  // namespace db_guard::core
