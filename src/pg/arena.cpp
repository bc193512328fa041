#include "pg/arena.hpp"

#include "pg/call.hpp"

namespace db_guard::pg {

namespace {

MemoryContext current_arena = nullptr;

// palloc aligns to MAXALIGN (8), which is less than max_align_t (16). Where more is asked for, the
// block is over-allocated and the pointer that palloc gave is kept just below the one handed out.
void* align_within(void* block, std::size_t alignment) {
  const auto start = reinterpret_cast<std::uintptr_t>(block) + sizeof(void*);
  const auto aligned = (start + alignment - 1) & ~(std::uintptr_t(alignment) - 1);
  void* result = reinterpret_cast<void*>(aligned);
  std::memcpy(static_cast<char*>(result) - sizeof(void*), &block, sizeof(void*));
  return result;
}

void* original_of(void* aligned) {
  void* block = nullptr;
  std::memcpy(&block, static_cast<char*>(aligned) - sizeof(void*), sizeof(void*));
  return block;
}

}  // namespace

MemoryContext arena() noexcept { return current_arena; }

MemoryContext exchange_arena(MemoryContext next) noexcept {
  return std::exchange(current_arena, next);
}

void* ContextResource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const bool over_aligned = alignment > MAXIMUM_ALIGNOF;
  const std::size_t extra = over_aligned ? alignment + sizeof(void*) : 0;
  // MemoryContextAllocExtended raises on a size it calls invalid, NO_OOM or not.
  if (bytes > MaxAllocHugeSize - extra) throw std::bad_alloc();
  void* block =
      MemoryContextAllocExtended(context_, bytes + extra, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
  if (block == nullptr) throw std::bad_alloc();
  return over_aligned ? align_within(block, alignment) : block;
}

void ContextResource::do_deallocate(void* block, std::size_t, std::size_t alignment) {
  pfree(alignment > MAXIMUM_ALIGNOF ? original_of(block) : block);
}

char* copy_text(std::string_view text) {
  return call([&] { return pnstrdup(text.data(), text.size()); });
}

}  // namespace db_guard::pg
