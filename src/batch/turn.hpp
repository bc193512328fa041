// In which pass over a window a row is taken: its key alone decides.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::batch {

// These are server calls. A key's number is the sum over its columns; values are not toasted.
std::uint64_t number_of_value(Oid type, std::int16_t length, bool by_value, Datum value);

// Consecutive numbers take turns exactly; a prime of turns keeps that for numbers with gaps of even
// size, too, such as 10, 20, 30.
inline int turn_of(std::uint64_t number, int turns) { return int(number % std::uint64_t(turns)); }

}  // namespace db_guard::batch
