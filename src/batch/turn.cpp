#include "batch/turn.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "utils/datum.h"
}

namespace db_guard::batch {

std::uint64_t number_of_value(Oid type, std::int16_t length, bool by_value, Datum value) {
  switch (type) {
    case INT2OID:
      return std::uint64_t(DatumGetInt16(value));
    case INT4OID:
      return std::uint64_t(DatumGetInt32(value));
    case INT8OID:
      return std::uint64_t(DatumGetInt64(value));
    default:
      break;
  }
  if (by_value) return std::uint64_t(value);
  const Size size = datumGetSize(value, by_value, length);
  return hash_bytes_extended(reinterpret_cast<const unsigned char*>(DatumGetPointer(value)),
                             int(size), 0);
}

}  // namespace db_guard::batch
