#include "columns/row_insertion.hpp"

#include "pg/index_version.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/nodeModifyTable.h"
}

namespace db_guard::columns {

namespace {

// A copy of the table's shape has no count of references that would have to be given back.
TupleTableSlot* make_row(Relation table) {
  return MakeSingleTupleTableSlot(CreateTupleDescCopyConstr(RelationGetDescr(table)),
                                  table_slot_callbacks(table));
}

// The locks stay. Nothing else does: what is open belongs to the running call, not to the
// statement, and nobody tells us when that ends.
void close_indexes(ResultRelInfo* target) {
  for (int i = 0; i < target->ri_NumIndices; i++) {
    pg::end_index_insertion(target->ri_IndexRelationDescs[i], target->ri_IndexRelationInfo[i]);
    index_close(target->ri_IndexRelationDescs[i], NoLock);
  }
}

// What an access method remembers from row to row would point into the index that was closed.
void open_indexes(const RowInsertion& insertion) {
  ResultRelInfo* target = insertion.target;
  for (int i = 0; i < target->ri_NumIndices; i++) {
    IndexInfo* info = target->ri_IndexRelationInfo[i];
    info->ii_AmCache = nullptr;
    info->ii_Context = GetPerTupleMemoryContext(insertion.state);
    target->ri_IndexRelationDescs[i] = index_open(insertion.indexes[i], NoLock);
  }
}

void fill_row(const TriggerData& data, TupleTableSlot* row, int marked, Datum value) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  TupleTableSlot* deleted = data.tg_trigslot;
  slot_getallattrs(deleted);
  ExecClearTuple(row);
  for (int i = 0; i < shape->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(shape, i);
    row->tts_values[i] = deleted->tts_values[i];
    row->tts_isnull[i] =
        deleted->tts_isnull[i] || attribute->attisdropped || attribute->attgenerated != '\0';
  }
  row->tts_values[marked - 1] = value;
  row->tts_isnull[marked - 1] = false;
  ExecStoreVirtualTuple(row);
}

void check_row(const RowInsertion& insertion) {
  Relation table = insertion.target->ri_RelationDesc;
  const TupleConstr* constraints = RelationGetDescr(table)->constr;
  if (constraints != nullptr && constraints->has_generated_stored) {
    ExecComputeStoredGenerated(insertion.target, insertion.state, insertion.row, CMD_INSERT);
  }
  if (constraints != nullptr) ExecConstraints(insertion.target, insertion.row, insertion.state);
  if (table->rd_rel->relispartition) {
    ExecPartitionCheck(insertion.target, insertion.row, insertion.state, true);
  }
}

List* insert_into_indexes(const RowInsertion& insertion) {
  if (insertion.target->ri_NumIndices == 0) return NIL;
  open_indexes(insertion);
  List* to_be_checked = pg::insert_index_entries(insertion.target, insertion.row, insertion.state);
  close_indexes(insertion.target);
  return to_be_checked;
}

}  // namespace

bool takes_single_rows(Relation table) {
  const TriggerDesc* triggers = table->trigdesc;
  return table->rd_rel->relkind == RELKIND_RELATION &&
         !(triggers->trig_insert_before_statement || triggers->trig_insert_after_statement ||
           triggers->trig_insert_new_table);
}

RowInsertion make_row_insertion(Relation table) {
  RowInsertion made{CreateExecutorState(), makeNode(ResultRelInfo), make_row(table), nullptr};
  // Of no range table, as the executor has it for tables whose triggers it fires.
  InitResultRelInfo(made.target, table, 0, nullptr, 0);
  ExecOpenIndices(made.target, false);
  const auto count = static_cast<Size>(made.target->ri_NumIndices);
  made.indexes = static_cast<Oid*>(palloc(sizeof(Oid) * count));
  for (Size i = 0; i < count; i++) {
    made.indexes[i] = RelationGetRelid(made.target->ri_IndexRelationDescs[i]);
  }
  close_indexes(made.target);
  return made;
}

void insert_row(const TriggerData& data, const RowInsertion& insertion, int marked, Datum value) {
  fill_row(data, insertion.row, marked, value);
  check_row(insertion);
  table_tuple_insert(data.tg_relation, insertion.row, GetCurrentCommandId(true), 0, nullptr);
  List* to_be_checked = insert_into_indexes(insertion);
  ExecARInsertTriggers(insertion.state, insertion.target, insertion.row, to_be_checked, nullptr);
  ExecClearTuple(insertion.row);
  ResetPerTupleExprContext(insertion.state);
}

}  // namespace db_guard::columns
