#include "pg/call.hpp"

#include "pg/arena.hpp"

namespace db_guard::pg {

namespace {

// What a server error changes and a guard must put back.
struct Ground {
  sigjmp_buf* exception_stack = PG_exception_stack;
  ErrorContextCallback* context_stack = error_context_stack;
  MemoryContext memory = CurrentMemoryContext;

  void restore() const {
    PG_exception_stack = exception_stack;
    error_context_stack = context_stack;
    MemoryContextSwitchTo(memory);
  }
};

// A context of its own below the arena, not below the caller's context, which the unwinding that
// follows may well delete.
void enter_error_context() {
  const MemoryContext parent = arena() != nullptr ? arena() : CurrentMemoryContext;
  MemoryContextSwitchTo(AllocSetContextCreate(parent, "db_guard error", ALLOCSET_SMALL_SIZES));
}

// Copying the error can itself run out of memory, and that error must not jump over C++ frames.
ErrorData* copy_error(const Ground& ground) {
  sigjmp_buf buffer;
  ErrorData* volatile copy = nullptr;
  if (sigsetjmp(buffer, 0) == 0) {
    PG_exception_stack = &buffer;
    enter_error_context();
    copy = CopyErrorData();
  }
  ground.restore();
  FlushErrorState();
  return copy;
}

}  // namespace

void run_guarded(void (*fn)(void*), void* argument) {
  const Ground ground;
  sigjmp_buf buffer;
  // Mask 0: saving the signal mask costs a system call, and the server restores it itself.
  if (sigsetjmp(buffer, 0) == 0) {
    PG_exception_stack = &buffer;
    try {
      fn(argument);
    } catch (...) {
      ground.restore();
      throw;
    }
    PG_exception_stack = ground.exception_stack;
    error_context_stack = ground.context_stack;
    return;
  }
  ground.restore();
  ErrorData* error = copy_error(ground);
  if (error == nullptr) throw std::bad_alloc();
  throw PgError(error);
}

}  // namespace db_guard::pg
