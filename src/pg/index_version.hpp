// Entering a row into the indexes of its table takes one argument more from 16 on, and what an
// access method keeps between rows has to be given back from 17 on.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/genam.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
}

namespace db_guard::pg {

template <class Insert>
auto call_index_insert(Insert insert, ResultRelInfo* result, TupleTableSlot* row, EState* state)
    -> decltype(insert(result, row, state, false, false, nullptr, NIL)) {
  return insert(result, row, state, false, false, nullptr, NIL);
}

template <class Insert>
auto call_index_insert(Insert insert, ResultRelInfo* result, TupleTableSlot* row, EState* state)
    -> decltype(insert(result, row, state, false, false, nullptr, NIL, false)) {
  return insert(result, row, state, false, false, nullptr, NIL, false);
}

inline List* insert_index_entries(ResultRelInfo* result, TupleTableSlot* row, EState* state) {
  return call_index_insert(ExecInsertIndexTuples, result, row, state);
}

inline void finish_index_insert([[maybe_unused]] Relation index, [[maybe_unused]] IndexInfo* info) {
#if PG_VERSION_NUM >= 170000
  index_insert_cleanup(index, info);
#endif
}

}  // namespace db_guard::pg
