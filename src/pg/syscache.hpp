// One row of a system catalog through its cache.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/htup_details.h"
#include "utils/syscache.h"
}

namespace db_guard::pg {

// Plain server code: calls reader(form, tuple) with the row and releases it after; false when there
// is none. The form is gone after the call, so copy what outlives it.
template <class Form, class Reader>
bool read_syscache(int cache, Datum key, Reader&& reader) {
  HeapTuple tuple = SearchSysCache1(cache, key);
  if (!HeapTupleIsValid(tuple)) return false;
  reader(reinterpret_cast<Form>(GETSTRUCT(tuple)), tuple);
  ReleaseSysCache(tuple);
  return true;
}

}  // namespace db_guard::pg
