// The entry guard: every SQL function, trigger, hook and callback enters C++ through here, and no
// exception leaves.
#pragma once

#include "pg/arena.hpp"
#include "pg/prelude.hpp"

namespace db_guard::pg {

// Runs body(argument) in an arena of its own: a memory context that is current during the body and
// gone after it. An exception out of the body becomes a server error once its handler has ended.
void run_entry(void (*body)(void*), void* argument);

// The body returns a plain value; make a Datum of it after.
template <class Body>
auto enter(Body&& body) -> decltype(body()) {
  using Plain = std::remove_reference_t<Body>;
  using Result = decltype(body());
  static_assert(std::is_trivially_destructible_v<Plain>,
                "raising the error would skip this body's destructor");
  if constexpr (std::is_void_v<Result>) {
    run_entry([](void* argument) { (*static_cast<Plain*>(argument))(); }, &body);
  } else {
    static_assert(std::is_trivially_copyable_v<Result>, "an entry returns a plain value");
    struct Slot {
      Plain* body;
      Result result;
    } slot{&body, Result{}};
    run_entry(
        [](void* argument) {
          auto* inner = static_cast<Slot*>(argument);
          inner->result = (*inner->body)();
        },
        &slot);
    return slot.result;
  }
}

}  // namespace db_guard::pg
