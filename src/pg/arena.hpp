// A MemoryContext as a std::pmr::memory_resource, and the arena that an entry works in.
#pragma once

#include "core/memory.hpp"
#include "pg/prelude.hpp"

namespace db_guard::pg {

// Allocates with MCXT_ALLOC_NO_OOM: out of memory is std::bad_alloc here, never a longjmp.
class ContextResource final : public std::pmr::memory_resource {
 public:
  explicit ContextResource(MemoryContext context) noexcept : context_(context) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override;
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  MemoryContext context_;
};

// The memory context of the running entry; null outside of one.
MemoryContext arena() noexcept;

// Names `next` the arena and returns the one before. The entry guard calls it in pairs.
MemoryContext exchange_arena(MemoryContext next) noexcept;

// Copies text into the current memory context; server code may keep it.
char* copy_text(std::string_view text);

}  // namespace db_guard::pg
