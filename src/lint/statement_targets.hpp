// What a statement of a script is about, and whether that is there before the script. Plain server
// code.
#pragma once

#include "effects/script_state.hpp"

namespace db_guard::lint {

struct Target {
  const RangeVar* name;               // null: nothing is missing
  const effects::RelationName* made;  // what makes it; null: no earlier statement does
  bool may_miss;                      // IF EXISTS
};

// The first relation that the statement names and that is not in the database.
Target find_missing_target(const effects::ScriptState& script, const Node* tree);

const char* qualified_name(const RangeVar* name);

// What a DO runs, and in which language. The text is null where the language is not PL/pgSQL.
struct DoBody {
  const char* text;
  const char* language;
};
DoBody read_body(const DoStmt* statement);

// Types that a script makes and that the server cannot look up yet.
struct ScriptTypes {
  effects::NameTable made;
};
void note_type(ScriptTypes& types, const Node* tree);
// Has added columns of such types be of type text, which takes the same values as easily: a copy,
// or the tree itself.
Node* with_known_types(ScriptTypes& types, Node* tree);

}  // namespace db_guard::lint
