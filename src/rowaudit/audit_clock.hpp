// Numbers of the log. An audit_id is a time and an order in one: microseconds since 2000 in its
// upper bits, eight bits to tell apart what happens within one. It never goes back, whatever the
// clock of the machine does, and whoever waits for another transaction's row lock draws a higher
// one.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace db_guard::rowaudit {

inline constexpr int kTickBits = 8;

constexpr int64 tick_of(TimestampTz time) { return time << kTickBits; }
constexpr TimestampTz time_of(int64 tick) { return tick >> kTickBits; }

// Plain server code. The first of `count` numbers that nobody else has or will get.
int64 draw_ticks(int64 count);
// The same for the small numbers of tables and shapes.
int32 draw_number();

}  // namespace db_guard::rowaudit
