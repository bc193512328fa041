// Memory for the pure code: every container takes its bytes from the resource that the wall has
// installed for the running entry (a MemoryContext in the server, malloc in unit tests). It is not
// std::pmr's process-wide default, because other libraries in the backend may use that one too.
#pragma once

#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace db_guard::core {

// The resource in force. Never null.
std::pmr::memory_resource* resource() noexcept;

// Installs `next` and returns the one before. The wall calls it in pairs; nothing else does.
std::pmr::memory_resource* exchange_resource(std::pmr::memory_resource* next) noexcept;

// Like std::pmr::polymorphic_allocator, with resource() as the default.
template <class T>
class Allocator {
 public:
  using value_type = T;

  Allocator() noexcept : resource_(resource()) {}
  template <class U>
  Allocator(const Allocator<U>& other) noexcept : resource_(other.source()) {}

  T* allocate(std::size_t count) {
    if (count > std::size_t(-1) / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(resource_->allocate(count * sizeof(T), alignof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    resource_->deallocate(block, count * sizeof(T), alignof(T));
  }
  [[nodiscard]] std::pmr::memory_resource* source() const noexcept { return resource_; }
  // A copy belongs to the entry that makes it, not to the one that made the original.
  [[nodiscard]] Allocator select_on_container_copy_construction() const noexcept { return {}; }

  template <class U>
  bool operator==(const Allocator<U>& other) const noexcept {
    return resource_ == other.source();
  }
  template <class U>
  bool operator!=(const Allocator<U>& other) const noexcept {
    return resource_ != other.source();
  }

 private:
  std::pmr::memory_resource* resource_;
};

using Text = std::basic_string<char, std::char_traits<char>, Allocator<char>>;

template <class T>
using Vector = std::vector<T, Allocator<T>>;

}  // namespace db_guard::core
