#include "rowaudit/index_insertion.hpp"

#include "pg/index_version.hpp"

namespace db_guard::rowaudit {

void insert_into_indexes(::Relation relation, TupleTableSlot** rows, int count) {
  EState* state = CreateExecutorState();
  ResultRelInfo* result = makeNode(ResultRelInfo);
  InitResultRelInfo(result, relation, 1, nullptr, 0);
  ExecOpenIndices(result, false);
  for (int i = 0; i < count; i++) {
    GetPerTupleExprContext(state)->ecxt_scantuple = rows[i];
    list_free(pg::insert_index_entries(result, rows[i], state));
    ResetPerTupleExprContext(state);
  }
  ExecCloseIndices(result);
  FreeExecutorState(state);
}

}  // namespace db_guard::rowaudit
