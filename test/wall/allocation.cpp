// Out of memory of several kinds, and alignment.
#include <sys/resource.h>
#include <unistd.h>

#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "pg/arena.hpp"
#include "wall.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_wall_allocate);
PG_FUNCTION_INFO_V1(db_guard_wall_allocate_aligned);
PG_FUNCTION_INFO_V1(db_guard_wall_outgrow);
PG_FUNCTION_INFO_V1(db_guard_wall_starve_server);
PG_FUNCTION_INFO_V1(db_guard_wall_starve_error);
}

namespace db_guard::wall {

namespace {

constexpr rlim_t kRoom = 64 * 1024 * 1024;

// Growing the stack needs address space as well, so it grows before the space goes.
__attribute__((noinline)) void grow_stack() {
  volatile char pages[256 * 1024];
  for (std::size_t i = 0; i < sizeof(pages); i += 1024) pages[i] = 1;
}

rlim_t address_space() {
  long pages = 0;
  std::FILE* statm = std::fopen("/proc/self/statm", "r");
  if (statm == nullptr) return 0;
  if (std::fscanf(statm, "%ld", &pages) != 1) pages = 0;
  std::fclose(statm);
  return static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

// Leaves the process `room` bytes of address space while it lives.
class Limit {
 public:
  explicit Limit(rlim_t room) {
    grow_stack();
    getrlimit(RLIMIT_AS, &before_);
    rlimit now = before_;
    now.rlim_cur = address_space() + room;
    setrlimit(RLIMIT_AS, &now);
  }
  ~Limit() { setrlimit(RLIMIT_AS, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  rlimit before_{};
};

// Takes every byte that malloc and the current memory context still have, and gives malloc's back.
class Starvation {
 public:
  Starvation() : limit_(0) {
    for (std::size_t size = 1024 * 1024; size >= 16; size /= 2) {
      while (void* block = std::malloc(size)) {
        *static_cast<void**>(block) = hoard_;
        hoard_ = block;
      }
    }
    for (Size size = 8192; size >= 8; size /= 2) {
      while (MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM) != nullptr) {
      }
    }
  }
  ~Starvation() {
    while (hoard_ != nullptr) {
      void* next = *static_cast<void**>(hoard_);
      std::free(hoard_);
      hoard_ = next;
    }
  }
  Starvation(const Starvation&) = delete;
  Starvation& operator=(const Starvation&) = delete;

 private:
  Limit limit_;
  void* hoard_ = nullptr;
};

void long_error() {
  char message[1500];
  std::memset(message, 'x', sizeof(message) - 1);
  message[sizeof(message) - 1] = '\0';
  ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg_internal("%s", message)));
}

// A type that wants more than palloc's alignment.
template <std::size_t alignment>
struct alignas(alignment) Wide {
  unsigned char bytes[alignment];
};

template <std::size_t alignment>
bool vector_is_aligned() {
  core::Vector<Wide<alignment>> items;
  for (int i = 0; i < 1000; i++) {
    items.push_back({});
    if (reinterpret_cast<std::uintptr_t>(&items.back()) % alignment != 0) return false;
  }
  return true;
}

struct Block {
  unsigned char* bytes;
  std::size_t size;
  unsigned char mark;

  [[nodiscard]] bool whole() const {
    return std::all_of(bytes, bytes + size, [this](unsigned char byte) { return byte == mark; });
  }
};

// Sizes around powers of two and one that gets a malloc block of its own. Each block is filled to
// its last byte, so a block that overlaps another or its own hidden pointer is found.
core::Text check_blocks(std::size_t alignment) {
  std::pmr::memory_resource& resource = *core::resource();
  core::Vector<Block> blocks;
  for (std::size_t size : {0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 1000, 8192, 100000}) {
    for (int copy = 0; copy < 3; copy++) {
      auto* bytes = static_cast<unsigned char*>(resource.allocate(size, alignment));
      if (reinterpret_cast<std::uintptr_t>(bytes) % alignment != 0) return "misaligned";
      const auto mark = static_cast<unsigned char>(blocks.size() + 1);
      std::fill_n(bytes, size, mark);
      blocks.push_back({bytes, size, mark});
    }
  }
  for (const Block& block : blocks) {
    if (!block.whole()) return "overlapping";
  }
  for (const Block& block : blocks) resource.deallocate(block.bytes, block.size, alignment);
  return "aligned";
}

// Blocks this large go back to malloc when freed, so what is not freed shows.
core::Text check_freed(std::size_t alignment) {
  constexpr std::size_t kSize = 1024 * 1024;
  const Size before = MemoryContextMemAllocated(CurrentMemoryContext, true);
  for (int i = 0; i < 100; i++) {
    void* block = core::resource()->allocate(kSize, alignment);
    core::resource()->deallocate(block, kSize, alignment);
  }
  const bool freed = MemoryContextMemAllocated(CurrentMemoryContext, true) == before;
  return freed ? "freed" : "not freed";
}

core::Text check_alignment(std::size_t alignment) {
  core::Text result = check_blocks(alignment);
  const bool vectors = vector_is_aligned<8>() && vector_is_aligned<16>() &&
                       vector_is_aligned<32>() && vector_is_aligned<64>();
  if (!vectors) result = "misaligned in a vector";
  return result + " and " + check_freed(alignment);
}

void outgrow() {
  const Witness witness;
  const Limit limit(kRoom);
  core::Vector<core::Text> texts;
  for (;;) {
    texts.emplace_back(1000, 'x');
    const Witness counted;
  }
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

// Bytes are those below the largest size_t.
Datum db_guard_wall_allocate(PG_FUNCTION_ARGS) {
  const bool from_top = PG_GETARG_BOOL(0);
  const auto bytes = static_cast<std::size_t>(PG_GETARG_INT64(1));
  const auto alignment = static_cast<std::size_t>(PG_GETARG_INT32(2));
  pg::enter([&] {
    const wall::Witness witness;
    const std::size_t size = from_top ? std::size_t(-1) - bytes : bytes;
    core::resource()->deallocate(core::resource()->allocate(size, alignment), size, alignment);
  });
  PG_RETURN_VOID();
}

Datum db_guard_wall_allocate_aligned(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const auto alignment = static_cast<std::size_t>(PG_GETARG_INT32(0));
  PG_RETURN_TEXT_P(
      pg::enter([&] { return wall::text_for(caller, wall::check_alignment(alignment)); }));
}

Datum db_guard_wall_outgrow(PG_FUNCTION_ARGS) {
  pg::enter([] { wall::outgrow(); });
  PG_RETURN_VOID();
}

// The server runs out of memory inside a call.
Datum db_guard_wall_starve_server(PG_FUNCTION_ARGS) {
  pg::enter([] {
    const wall::Witness witness;
    const wall::Limit limit(wall::kRoom);
    pg::call([] { palloc(2 * wall::kRoom); });
  });
  PG_RETURN_VOID();
}

// There is not even memory for the copy of a server error.
Datum db_guard_wall_starve_error(PG_FUNCTION_ARGS) {
  pg::enter([] {
    const wall::Witness witness;
    const wall::Starvation starvation;
    pg::call(&wall::long_error);
  });
  PG_RETURN_VOID();
}
