// Row security as earlier statements of a script will have left it.
#include "effects/script_state.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "catalog/namespace.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::effects {

namespace {

ScriptPolicy* policy_of(ScriptState& script, Oid table, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, script.policies) {
    auto* known = static_cast<ScriptPolicy*>(lfirst(cell));
    if (known->table == table && strcmp(known->name, name) == 0) return known;
  }
  auto* policy = static_cast<ScriptPolicy*>(palloc0(sizeof(ScriptPolicy)));
  policy->table = table;
  policy->name = pstrdup(name);
  script.policies = lappend(script.policies, policy);
  return policy;
}

}  // namespace

void note_policy(ScriptState& script, const CreatePolicyStmt* statement) {
  const Oid table = resolve(script, statement->table);
  if (!OidIsValid(table)) return;
  ScriptPolicy* policy = policy_of(script, table, statement->policy_name);
  policy->gone = false;
  policy->permissive = statement->permissive;
}

void note_dropped_policies(ScriptState& script, const DropStmt* statement) {
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    List* names = static_cast<List*>(lfirst(cell));
    const RangeVar* relation =
        makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1));
    const Oid table = resolve(script, relation);
    if (OidIsValid(table)) policy_of(script, table, strVal(llast(names)))->gone = true;
  }
}

}  // namespace db_guard::effects
