// An ALTER TABLE at work: what the server keeps in its work queue. Its commands run pass by pass
// and note what they do to each table; the scans and rewrites come in the end, once a table.
#pragma once

#include "effects/prediction.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
}

namespace db_guard::effects {

// constraint_facts.cpp: what pg_constraint says, copied out of it.
struct ConstraintFacts {
  Oid id;
  char type;
  bool validated;
  bool enforced;
  bool inherited;  // and not local
  bool no_inherit;
  bool deferrable;
  bool deferred;
  Oid table;
  Oid referenced;
  Oid index;
  Oid parent;
  int inherit_count;
  char on_update;
  char on_delete;
  char match;
  int columns;
  AttrNumber keys[INDEX_MAX_KEYS];
  AttrNumber referenced_keys[INDEX_MAX_KEYS];
  const char* name;
};
ConstraintFacts* read_constraint(Oid id);
List* constraints_of(Oid table);               // ConstraintFacts*
List* keys_that_reference(Oid table);          // ConstraintFacts*, foreign keys
List* children_of_constraint(Oid constraint);  // ConstraintFacts*
ConstraintFacts* find_constraint(Oid table, const char* name);
// The NOT NULL constraint of 18 and later.
ConstraintFacts* find_not_null(Oid table, const char* column);

struct AlteredTable {
  Oid relation;
  char kind;
  bool rewrite;
  bool computes_values;    // of a column, be it that no row needs them
  bool verify;             // its rows are read to check new constraints
  bool verifies_not_null;  // the server looks for no proof any more
  bool builds_index;
  bool new_file;  // SET TABLESPACE: copied block by block
  const char* proof;
};

struct ForeignKeyCheck {
  Oid table;
  Oid referenced;
};

struct Alteration {
  Prediction& prediction;
  LOCKMODE lock;
  bool recurse;             // no ONLY
  List* tables;             // AlteredTable*
  List* checks;             // ForeignKeyCheck*
  List* dropped;            // ObjectAddress* of what the statement has dropped so far
  List* added_columns;      // names
  List* added_constraints;  // Constraint*, of the statement's own table
  List* retyped;            // names of columns
  List* made_not_null;      // names of columns
  List* changed_identity;   // names of columns
  List* nullable_added;     // names of added columns that are not declared NOT NULL
};

AlteredTable& altered_table(Alteration& alteration, Oid relation);
// Locks the relation and, unless ONLY was said, all that inherit from it; they are altered as well.
List* alter_family(Alteration& alteration, Oid relation);
// The same, without regard to ONLY.
List* alter_whole_family(Alteration& alteration, Oid relation);
bool is_dropped(const Alteration& alteration, Oid catalog, Oid object);
// Drops the objects and what hangs on them, with the locks that takes.
void drop_objects(Alteration& alteration, List* objects, DropBehavior behavior);
// Runs one command, and notes what it calls for by itself.
void predict_and_note(Alteration& alteration, Oid relation, const AlterTableCmd* command,
                      int number);
// The scans, rewrites and checks that the commands have called for.
void finish(Alteration& alteration);

// alter_commands.cpp
void predict_command(Alteration& alteration, Oid relation, const AlterTableCmd* command);

// alter_storage.cpp
bool predict_storage_command(Alteration& alteration, Oid relation, const AlterTableCmd* command);

// alter_inheritance.cpp
void predict_inherit(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_no_inherit(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_of_type(Alteration& alteration, const TypeName* name);

// alter_kinds.cpp
bool suits_kind(const AlterTableCmd* command, Oid relation);
// The role's rights; null where they suffice.
const char* why_not_altered(Oid relation);
// Whether ALTER of that type of object takes relations of that kind; ALTER TABLE takes nearly all.
bool is_of_kind(ObjectType type, char kind);

// alter_add_column.cpp
void predict_add_column(Alteration& alteration, Oid relation, const AlterTableCmd* command);

// alter_columns.cpp
FormData_pg_attribute column_row(Oid relation, const char* column);
// Right now: neither dropped by this statement, nor missing.
bool has_column(const Alteration& alteration, Oid relation, const char* column);
bool is_not_null_already(Oid relation, const char* column);
// The tables of a composite type, locked; they follow it with CASCADE only.
List* typed_tables(Alteration& alteration, Oid type_relation, DropBehavior behavior);
void predict_drop_column(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_set_not_null(Alteration& alteration, Oid relation, const char* column);
void predict_set_default(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_add_identity(Alteration& alteration, Oid relation, const char* column);
void predict_set_identity(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_drop_not_null(Alteration& alteration, Oid relation, const char* column);
// The sequence takes the type of its column.
void predict_identity_type(Alteration& alteration, Oid relation, const char* column);
void predict_drop_identity(Alteration& alteration, Oid relation, const char* column);
void predict_set_expression(Alteration& alteration, Oid relation, const char* column);

// alter_refusals.cpp
// The first column that is missing; null where none is.
const char* missing_column_in(const Alteration& alteration, Oid relation, Node* raw_expression);
const char* missing_column(const Alteration& alteration, Oid relation, const List* names);
bool is_row_type_stored(Oid relation);
bool is_partition_column(Oid relation, const char* column);
bool covers_partition_key(Oid relation, const List* columns);
bool is_typed_table(Oid relation);
void check_options(Oid relation, List* options, bool reset);
// Null where the child could be a partition or heir of the parent.
const char* why_not_heir(Oid parent, Oid child);
// Some heir has the column from elsewhere, too.
bool has_other_source(Oid relation, const char* column);

// dependency_locks.cpp
void lock_row_types(Prediction& prediction, Oid type);
void lock_named_relations(Prediction& prediction, Node* expression);
void lock_relations_of_default(Prediction& prediction, Oid relation, AttrNumber column);

// alter_type.cpp
void predict_type_change(Alteration& alteration, Oid relation, const AlterTableCmd* command);

// alter_constraints.cpp
void predict_add_constraint(Alteration& alteration, Oid relation, const Constraint* constraint);
void predict_add_not_null(Alteration& alteration, Oid relation, const Constraint* constraint);
void predict_drop_constraint(Alteration& alteration, Oid relation, const AlterTableCmd* command);
// With those that heirs have from it only.
void drop_not_null(Alteration& alteration, const ConstraintFacts& facts);
void predict_validate(Alteration& alteration, Oid relation, const char* name);
void predict_alter_constraint(Alteration& alteration, Oid relation, const AlterTableCmd* command);
void predict_build_index(Alteration& alteration, Oid relation, const Constraint* constraint);

// foreign_key_index.cpp
// Without names, that of the primary key.
Oid key_index(Oid table, const List* names);
int index_key_count(Oid index);
// Columns of the table with those of the index, of which the names choose.
bool are_keys_comparable(Oid table, const List* columns, Oid index, const List* names);
// The same statement makes the unique index.
bool is_key_added(const Alteration& alteration, const List* names);

// alter_foreign_keys.cpp
enum class KeyRows { kChecked, kTrusted };
void predict_add_foreign_key(Alteration& alteration, Oid relation, const Constraint* constraint,
                             KeyRows rows);
// The planner opens every index of a table that it plans a query on.
void lock_for_query(Prediction& prediction, Oid relation);
// A partition's own key becomes part of the parent's: its triggers on the referenced tables go.
void lock_attached_key(Prediction& prediction, Oid referenced);
// The index that a key relies on, and its parts on the partitions.
void lock_key_index(Prediction& prediction, Oid index);
void lock_referenced(Alteration& alteration, Oid referenced, Oid index);
void check_foreign_key(Alteration& alteration, Oid table, Oid referenced);
// 18 and later: the rows of a key NOT VALID of a partitioned table, and of one NOT ENFORCED.
void validate_key(Alteration& alteration, const ConstraintFacts& facts);
void predict_enforceability(Alteration& alteration, const ConstraintFacts& facts, bool enforced);
void predict_key_query(Prediction& prediction, Oid table, Oid referenced);

// alter_triggers.cpp
void predict_trigger(Alteration& alteration, Oid relation, const char* name);
// A new partition gets its parent's row triggers.
void predict_cloned_triggers(Alteration& alteration, Oid parent);

// alter_partition_keys.cpp: the foreign keys that a partition gets or loses.
void predict_attached_keys(Alteration& alteration, Oid parent, Oid partition);
// FINALIZE does not look for references once more.
void predict_detached_keys(Alteration& alteration, Oid partition, KeyRows references);

// alter_partitions.cpp
void predict_attach(Alteration& alteration, Oid relation, const PartitionCmd* command);
void predict_detach(Alteration& alteration, Oid relation, const PartitionCmd* command);
void predict_detach_finalize(Alteration& alteration, Oid relation, const PartitionCmd* command);
void predict_attach_index(Alteration& alteration, Oid index, const PartitionCmd* command);

// alter_table_space.cpp
void predict_table_space(Alteration& alteration, Oid relation, const char* name);
void predict_move_all(Prediction& prediction, const AlterTableMoveAllStmt* statement);

// alter_names.cpp
bool predict_rename(Prediction& prediction, const RenameStmt* statement);
bool predict_set_schema(Prediction& prediction, const AlterObjectSchemaStmt* statement);

bool has_storage(char kind);

}  // namespace db_guard::effects
