// What a statement is about to do to every relation that exists before it: the locks, and the work
// under them. The files of this folder are plain server code: they read parse trees and catalogs,
// own nothing, and run inside the call guard and a subtransaction that is rolled back. They never
// lock a user relation; what cannot be read without a lock makes the answer an estimate.
#pragma once

#include "effects/script_state.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
}

namespace db_guard::effects {

struct RelationEffect {
  Oid relation;
  LOCKMODE lock;      // the strongest, where several are taken
  bool rewrite;       // gets a new file that holds its rows
  bool scan;          // all rows are read to verify something, or to answer a query
  bool index_build;   // an index is built over its rows; on the table, not on the index
  bool fk_check;      // its rows are checked against a foreign key; on the referencing table
  const char* proof;  // what makes a scan unnecessary
};

// What one command of an ALTER TABLE calls for by itself, on any table.
struct CommandWork {
  int command;  // its place in the statement, from 0
  bool rewrite;
  bool scan;
  bool index_build;
  bool fk_check;
  const char* proof;
};

// The effects of one statement. A plain value.
struct Prediction {
  List* effects;        // of RelationEffect*, in the order in which the server locks
  const char* unknown;  // why the statement cannot be judged; null where it can
  const char* refused;  // what the server will say instead of running it; null where it will run it
  bool estimated;       // something could not be known for certain
  const ScriptState* script;  // what earlier statements will have done; null for a single statement
  bool meets_new;             // the statement names a relation that the script makes
  bool meets_altered;         // ... or changes
  List* made;                 // names (char*) of relations that the statement itself makes first
  List* work;                 // of CommandWork*: of ALTER TABLE only
  List* losses;               // of ObjectAddress*: what goes because of CASCADE, or is owned
};

// Adds the lock; the strongest one of a relation stays. Catalogs, TOAST and what the prediction
// must not speak of are left out, and the effect that is returned then is a scratch one.
RelationEffect* add_lock(Prediction& prediction, Oid relation, LOCKMODE lock);
// The effect of a relation that is locked already, or null.
RelationEffect* find_effect(const Prediction& prediction, Oid relation);
void cannot_judge(Prediction& prediction, const char* why);
void server_refuses(Prediction& prediction, const char* message);

// As the server would resolve the name, without a lock; InvalidOid when there is no such relation.
Oid find_relation(Prediction& prediction, const RangeVar* name);
Oid find_relation(Prediction& prediction, const List* names);
// The relation itself and all that inherit from it or are its partitions, as they are right now, in
// the order in which the server locks them.
List* family_of(Oid relation);
// Whether the list of names (char*) holds that one.
bool is_in(const List* names, const char* name);
// Indexes of a table, valid or not, in the order of the relation cache.
List* indexes_of(Oid relation);
// As find_relation; a missing one makes the server refuse the statement, or skip it.
Oid need_relation(Prediction& prediction, const RangeVar* name, bool missing_ok);
// What has the name already that a new relation is to get; InvalidOid where the name is free.
Oid find_namesake(const Prediction& prediction, const RangeVar* name);
// The same lock on all of family_of(), or on all of indexes_of().
void lock_family(Prediction& prediction, Oid relation, LOCKMODE lock);
void lock_indexes(Prediction& prediction, Oid table, LOCKMODE lock);

// The one entry: a raw parse tree, as the parser made it.
void predict_statement(Prediction& prediction, Node* tree);

// What event triggers of users will do, nobody knows: they make a prediction an estimate.
void weigh_event_triggers(Prediction& prediction, Node* tree);
// What db_guard's own will do for tables that are audited.
void predict_row_audit(Prediction& prediction, Node* tree);  // row_audit.cpp

// A family of commands each; false where the statement is none of theirs.
bool predict_alter_table(Prediction& prediction, Node* tree);   // alter_table.cpp
bool predict_create_table(Prediction& prediction, Node* tree);  // create_table.cpp
bool predict_index(Prediction& prediction, Node* tree);         // indexes.cpp
bool predict_drop(Prediction& prediction, Node* tree);          // drops.cpp
bool predict_type(Prediction& prediction, Node* tree);          // types.cpp
bool predict_view(Prediction& prediction, Node* tree);          // views.cpp
bool predict_maintenance(Prediction& prediction, Node* tree);   // maintenance.cpp
bool predict_other(Prediction& prediction, Node* tree);         // others.cpp

// A query or data change: what parsing, planning and running it locks. Also used for the query of a
// view (parsed only) and of CREATE TABLE AS (run).
enum class QueryUse { kParsed, kRun };
void predict_query(Prediction& prediction, Node* raw_query, QueryUse use);  // queries.cpp

}  // namespace db_guard::effects
