// In which pass over a window a row is taken: its key alone decides.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::batch {

// These are server calls. A key's number is the sum over its columns; values are not toasted.
std::uint64_t number_of_value(Oid type, std::int16_t length, bool by_value, Datum value);

inline int turn_of(std::uint64_t number, int turns) {
  return int(((number >> 32) * std::uint64_t(turns)) >> 32);
}

}  // namespace db_guard::batch
