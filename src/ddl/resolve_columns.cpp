#include "ddl/resolve_columns.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
}

namespace db_guard::ddl {

namespace {

Node* resolve_column(ParseState* state, ColumnRef* reference) {
  const Oid table = *static_cast<const Oid*>(state->p_ref_hook_state);
  auto* last = static_cast<Node*>(llast(reference->fields));
  if (!IsA(last, String)) return nullptr;
  const AttrNumber number = get_attnum(table, strVal(last));
  if (number == InvalidAttrNumber) return nullptr;
  Oid type = InvalidOid;
  int32 modifier = -1;
  Oid collation = InvalidOid;
  get_atttypetypmodcoll(table, number, &type, &modifier, &collation);
  return reinterpret_cast<Node*>(makeVar(1, number, type, modifier, collation, 0));
}

}  // namespace

ParseState* parse_state_of(const Oid* table) {
  ParseState* state = make_parsestate(nullptr);
  state->p_pre_columnref_hook = resolve_column;
  state->p_ref_hook_state = const_cast<Oid*>(table);
  return state;
}

}  // namespace db_guard::ddl
