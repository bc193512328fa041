// What earlier statements of a script will have done to the names and constraints that later ones
// meet. Nothing is run: the state is what their parse trees say. Plain server code.
#pragma once

#include "effects/name_table.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

struct Prediction;

// Relations and constraints that the script makes, drops or changes. A plain value.
struct ScriptState {
  NameTable made;         // of RelationName*: relations
  NameTable schemas;      // of const char*: those that it makes
  int file;               // that the statements belong to; the caller counts
  List* gone;             // OIDs of relations that exist still
  List* renamed;          // of RenamedRelation*
  List* altered;          // OIDs of relations whose catalog entries are not what they will be
  NameTable constraints;  // of ScriptConstraint*, by table
  List* dropped;          // of ScriptConstraint*: those that were there and will be gone
  NameTable not_null;     // of const char*: columns that will be NOT NULL, by table
  List* valid;            // of ScriptConstraint*: those that it adds or validates
  List* indexes;          // of ScriptIndex*: those that it makes on relations that exist
  List* detached;         // OIDs of partitions that will be none
  List* functions;        // names (char*) of functions that it makes or replaces
  List* policies;         // of ScriptPolicy*: those that it makes or drops, on relations that exist
};

struct ScriptIndex {
  Oid table;
  const IndexStmt* definition;
};

struct RelationName {
  const char* schema;
  const char* name;
  int file;  // that makes it
};

struct RenamedRelation {
  Oid relation;
  RelationName name;  // that it will have
};

struct ScriptConstraint {
  Oid table;
  const char* name;
  bool gone;
  bool validated;
  const Constraint* definition;  // null where the script only drops or validates it
};

struct ScriptPolicy {
  Oid table;
  const char* name;
  bool permissive;
  bool gone;
};

// Notes what a statement will have done, after it has been predicted.
void note_statement(ScriptState& script, Node* tree);

// Of a name as a statement has it, with the search_path of now.
bool is_made(const ScriptState& script, const RangeVar* name);
// What makes it; null where the script does not.
const RelationName* find_made(const ScriptState& script, const RangeVar* name);
bool is_gone(const ScriptState& script, Oid relation);
// The relation that exists now and will have that name by then; InvalidOid for none.
Oid resolve(const ScriptState& script, const RangeVar* name);
// Whether the relation of that name will be there under it no more.
bool is_name_free(const ScriptState& script, Oid relation);
bool is_altered(const ScriptState& script, Oid relation);
const ScriptConstraint* find_constraint(const ScriptState& script, Oid table, const char* name);
// OIDs of constraints that are still there.
List* gone_constraints(const ScriptState& script);
// A CHECK (column IS NOT NULL) or more that will be valid by then, or SET NOT NULL.
bool is_proven_not_null(const ScriptState& script, Oid table, const char* column);

// Whether the constraints that are valid by then imply all of the list.
bool is_implied_by_then(const ScriptState& script, ::Relation table, List* wanted);

bool is_detached(const ScriptState& script, Oid partition);
// The columns of an index that the script makes, in their order; NIL for none of that name, or one
// that leaves out rows.
List* columns_of_new_index(const ScriptState& script, Oid table, const char* index);

// Parts of note_statement.
void note_policy(ScriptState& script, const CreatePolicyStmt* statement);
void note_dropped_policies(ScriptState& script, const DropStmt* statement);

// An index that the script makes leads with these columns, in any order, and leaves out no row.
bool is_indexed(const ScriptState& script, Oid table, const List* columns);

// What only the script knows: VALIDATE of a constraint that it adds. False where the catalogs of
// now tell as much.
bool predict_by_script(Prediction& prediction, Node* tree);

// The tables that foreign keys of a table of the script refer to.
void predict_references_of_new(Prediction& prediction, Node* tree);

// The lock on the relation that the statement names, and the work that its shape calls for: for a
// statement whose names and types are the script's own.
void predict_by_shape(Prediction& prediction, Node* tree);

}  // namespace db_guard::effects
