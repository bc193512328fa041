// The call guard: C++ calls the server through call(), and a server error comes back as PgError.
#pragma once

#include "pg/server_error.hpp"
#include "pg/prelude.hpp"

namespace db_guard::pg {

// Runs fn(argument). A server error inside it is caught, the exception stack, error context stack
// and memory context are restored, and PgError is thrown (std::bad_alloc when not even the copy of
// the error fits in memory).
void run_guarded(void (*fn)(void*), void* argument);

// Runs one server call. The callable must not own anything: the longjmp would skip its destructor.
// Objects it makes must be plain for the same reason; references to objects outside are fine.
template <class Callable>
auto call(Callable&& callable) -> decltype(callable()) {
  using Plain = std::remove_reference_t<Callable>;
  using Result = decltype(callable());
  static_assert(std::is_trivially_destructible_v<Plain>,
                "a longjmp out of the server would skip this callable's destructor");
  if constexpr (std::is_void_v<Result>) {
    run_guarded([](void* argument) { (*static_cast<Plain*>(argument))(); }, &callable);
  } else {
    static_assert(std::is_trivially_copyable_v<Result>, "a server call returns a plain value");
    struct Slot {
      Plain* callable;
      Result result;
    } slot{&callable, Result{}};
    run_guarded(
        [](void* argument) {
          auto* inner = static_cast<Slot*>(argument);
          inner->result = (*inner->callable)();
        },
        &slot);
    return slot.result;
  }
}

// CHECK_FOR_INTERRUPTS for C++ loops: a cancel arrives as PgError.
inline void check_for_interrupts() {
  if (INTERRUPTS_PENDING_CONDITION()) call([] { ProcessInterrupts(); });
}

}  // namespace db_guard::pg
