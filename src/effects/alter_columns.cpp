// Commands on columns that exist: DROP COLUMN, SET NOT NULL, identity and generation expressions.
#include "effects/alteration.hpp"
#include "effects/deletion.hpp"
#include "effects/effects_version.hpp"

#include "ddl/ddl_version.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "parser/parse_node.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

// Down the family as far as the column has come from above only.
List* collect_column(Alteration& alteration, Oid relation, const char* column, List* objects) {
  const AttrNumber number = get_attnum(relation, column);
  objects = lappend(objects, object_address(RelationRelationId, relation, number));
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(relation, NoLock)) {
    const Oid child = lfirst_oid(cell);
    add_lock(alteration.prediction, child, alteration.lock);
    (void)altered_table(alteration, child);
    const FormData_pg_attribute row = column_row(child, column);
    const bool goes = alteration.recurse && row.attinhcount == 1 && !row.attislocal;
    if (goes) objects = collect_column(alteration, child, column, objects);
  }
  return objects;
}

// What the server says before it looks at anything that depends on the column.
const char* why_not_dropped(Alteration& alteration, Oid relation, const char* column) {
  const FormData_pg_attribute row = column_row(relation, column);
  if (row.attinhcount > 0) return "cannot drop inherited column";
  if (is_typed_table(relation)) return "cannot drop column from typed table";
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) {
    if (!is_partition_column(lfirst_oid(cell), column)) continue;
    return "cannot drop column because it is part of the partition key";
  }
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (partitioned && !alteration.recurse && has_subclass(relation)) {
    return "cannot drop column from only the partitioned table when partitions exist";
  }
  return nullptr;
}

List* dropped_constraints(const Alteration& alteration) {
  List* constraints = NIL;
  ListCell* cell = nullptr;
  foreach (cell, alteration.dropped) {
    const auto* object = static_cast<const ObjectAddress*>(lfirst(cell));
    if (object->classId != ConstraintRelationId) continue;
    constraints = lappend_oid(constraints, object->objectId);
  }
  if (alteration.prediction.script != nullptr) {
    constraints = list_concat(constraints, gone_constraints(*alteration.prediction.script));
  }
  return constraints;
}

const char* find_proof(const Alteration& alteration, Oid relation, const char* column,
                       AttrNumber number) {
  const ScriptState* script = alteration.prediction.script;
  if (script != nullptr && is_proven_not_null(*script, relation, column)) {
    return "a constraint that the script has validated by then";
  }
  return ddl::prove_not_null(relation, number, dropped_constraints(alteration));
}

// The rows of one table are looked through, unless a valid CHECK constraint makes that unnecessary.
void set_table_not_null(Alteration& alteration, Oid relation, const char* column) {
  AlteredTable& table = altered_table(alteration, relation);
  const bool is_new = is_in(alteration.nullable_added, column);
  const FormData_pg_attribute row = column_row(relation, column);
  if (!is_new && (row.attnum == 0 || ddl::is_proven_not_null(relation, &row))) return;
  const char* proof = is_new ? nullptr : find_proof(alteration, relation, column, row.attnum);
  if (proof == nullptr) {
    table.verify = true;
    table.verifies_not_null = true;
  } else if (!table.verifies_not_null) {
    // Once it has to look at the rows, the server looks for no proof any more.
    table.proof = proof;
  }
}

// The sequence behind an identity column.
Oid identity_sequence(Oid relation, const char* column) {
  const FormData_pg_attribute row = column_row(relation, column);
  if (row.attidentity == '\0') return InvalidOid;
  ListCell* cell = nullptr;
  foreach (cell, getOwnedSequences(relation)) {
    Oid table = InvalidOid;
    int32 number = 0;
    const Oid sequence = lfirst_oid(cell);
    if (sequenceIsOwned(sequence, DEPENDENCY_INTERNAL, &table, &number) && number == row.attnum) {
      return sequence;
    }
  }
  return InvalidOid;
}

void alter_identity_family(Alteration& alteration, Oid relation) {
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (kIdentityReachesPartitions && partitioned) alter_family(alteration, relation);
}

bool is_in_primary_key(const Alteration& alteration, Oid relation, AttrNumber number) {
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(relation)) {
    const auto* facts = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (facts->type != CONSTRAINT_PRIMARY) continue;
    if (is_dropped(alteration, ConstraintRelationId, facts->id)) continue;
    const AttrNumber* end = facts->keys + facts->columns;
    if (std::find(facts->keys, end, number) != end) return true;
  }
  return false;
}

bool is_type_with_tables(Oid relation) {
  return get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE;
}

}  // namespace

FormData_pg_attribute column_row(Oid relation, const char* column) {
  FormData_pg_attribute row{};
  HeapTuple tuple = SearchSysCacheAttName(relation, column);
  if (!HeapTupleIsValid(tuple)) return row;
  memcpy(&row, GETSTRUCT(tuple), ATTRIBUTE_FIXED_PART_SIZE);
  ReleaseSysCache(tuple);
  return row;
}

bool has_column(const Alteration& alteration, Oid relation, const char* column) {
  if (is_in(alteration.added_columns, column)) return true;
  const AttrNumber number = get_attnum(relation, column);
  return number != InvalidAttrNumber &&
         !contains_object(alteration.dropped, RelationRelationId, relation, number);
}

bool is_not_null_already(Oid relation, const char* column) {
  return column_row(relation, column).attnotnull;
}

List* typed_tables(Alteration& alteration, Oid type_relation, DropBehavior behavior) {
  List* tables = NIL;
  if (!is_type_with_tables(type_relation)) return NIL;
  ::Relation catalog = table_open(RelationRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_class_reloftype, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(get_rel_type_id(type_relation)));
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    tables = lappend_oid(tables, reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->oid);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  if (tables != NIL && behavior == DROP_RESTRICT) {
    server_refuses(alteration.prediction,
                   "cannot alter the type because it is the type of a typed table");
  }
  ListCell* cell = nullptr;
  foreach (cell, tables) add_lock(alteration.prediction, lfirst_oid(cell), alteration.lock);
  return tables;
}

void predict_drop_column(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const char* column = command->name;
  if (!has_column(alteration, relation, column)) return;
  const char* refusal = why_not_dropped(alteration, relation, column);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  List* objects = collect_column(alteration, relation, column, NIL);
  ListCell* cell = nullptr;
  foreach (cell, typed_tables(alteration, relation, command->behavior)) {
    objects = collect_column(alteration, lfirst_oid(cell), column, objects);
  }
  drop_objects(alteration, objects, command->behavior);
}

void predict_set_not_null(Alteration& alteration, Oid relation, const char* column) {
  alteration.made_not_null = lappend(alteration.made_not_null, const_cast<char*>(column));
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  const FormData_pg_attribute row = column_row(relation, column);
  const bool proven = row.attnum != 0 && ddl::is_proven_not_null(relation, &row);
  if (proven && (partitioned || kNotNullIsConstraint)) return;
  if (partitioned && !alteration.recurse) {
    // Whether all partitions have it already is looked up under the lock.
    ListCell* cell = nullptr;
    foreach (cell, alter_whole_family(alteration, relation)) {
      if (lfirst_oid(cell) == relation || column_row(lfirst_oid(cell), column).attnotnull) continue;
      server_refuses(alteration.prediction, "constraint must be added to child tables too");
    }
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, alter_family(alteration, relation)) {
    set_table_not_null(alteration, lfirst_oid(cell), column);
  }
}

void predict_set_default(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  alter_family(alteration, relation);
  const FormData_pg_attribute row = column_row(relation, command->name);
  if (row.attidentity != '\0' || (row.attgenerated != '\0' && command->def != nullptr)) {
    server_refuses(alteration.prediction, "the column is an identity or generated column");
  }
  if (row.attnum == 0 || command->def == nullptr) return;
  // Of the old type it may make no sense.
  if (is_in(alteration.retyped, command->name)) return;
  Node* raw = static_cast<Node*>(copyObjectImpl(command->def));
  Node* expression = cookDefault(make_parsestate(nullptr), raw, row.atttypid, row.atttypmod,
                                 NameStr(row.attname), '\0');
  lock_named_relations(alteration.prediction, expression);
}

void predict_add_identity(Alteration& alteration, Oid relation, const char* column) {
  const FormData_pg_attribute row = column_row(relation, column);
  const bool not_null = row.attnotnull || is_in(alteration.made_not_null, column);
  alteration.changed_identity = lappend(alteration.changed_identity, const_cast<char*>(column));
  if (row.attidentity != '\0' || row.atthasdef) {
    server_refuses(alteration.prediction, "the column has a default value already");
  } else if (row.attnum != 0 && !not_null) {
    server_refuses(alteration.prediction,
                   "the column must be declared NOT NULL before identity can be added");
  }
  alter_identity_family(alteration, relation);
}

// The sequence is written anew for all but GENERATED.
void predict_set_identity(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  alter_identity_family(alteration, relation);
  const Oid sequence = identity_sequence(relation, command->name);
  if (!OidIsValid(sequence)) {
    const bool made_now = is_in(alteration.changed_identity, command->name) ||
                          is_in(alteration.added_columns, command->name);
    if (!made_now) {
      server_refuses(alteration.prediction, "the column is not an identity column");
    }
    return;
  }
  RelationEffect* effect = add_lock(alteration.prediction, sequence, ShareRowExclusiveLock);
  ListCell* cell = nullptr;
  foreach (cell, reinterpret_cast<const List*>(command->def)) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    effect->rewrite |= strcmp(option->defname, "generated") != 0;
  }
}

void predict_drop_not_null(Alteration& alteration, Oid relation, const char* column) {
  if (!kNotNullIsConstraint) alter_family(alteration, relation);
  const FormData_pg_attribute row = column_row(relation, column);
  const char* refusal = nullptr;
  const bool changed = is_in(alteration.changed_identity, column);
  if (row.attidentity != '\0' && !changed) refusal = "the column is an identity column";
  if (is_in_primary_key(alteration, relation, row.attnum)) {
    refusal = psprintf("column \"%s\" is in a primary key", column);
  }
  if (get_rel_relispartition(relation) &&
      column_row(get_partition_parent(relation, true), column).attnotnull) {
    refusal = psprintf("column \"%s\" is marked NOT NULL in parent table", column);
  }
  if (!row.attnotnull) return;
  const ConstraintFacts* facts = kNotNullIsConstraint ? find_not_null(relation, column) : nullptr;
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
  } else if (facts != nullptr) {
    drop_not_null(alteration, *facts);
  }
}

void predict_identity_type(Alteration& alteration, Oid relation, const char* column) {
  const Oid sequence = identity_sequence(relation, column);
  if (!OidIsValid(sequence) || is_in(alteration.changed_identity, column)) return;
  add_lock(alteration.prediction, sequence, ShareRowExclusiveLock)->rewrite = true;
}

void predict_drop_identity(Alteration& alteration, Oid relation, const char* column) {
  alteration.changed_identity = lappend(alteration.changed_identity, const_cast<char*>(column));
  const Oid sequence = identity_sequence(relation, column);
  if (!OidIsValid(sequence)) return;
  alter_identity_family(alteration, relation);
  add_lock(alteration.prediction, sequence, AccessExclusiveLock);
}

void predict_set_expression(Alteration& alteration, Oid relation, const char* column) {
  ListCell* cell = nullptr;
  foreach (cell, alter_family(alteration, relation)) {
    const FormData_pg_attribute row = column_row(lfirst_oid(cell), column);
    altered_table(alteration, lfirst_oid(cell)).rewrite |=
        row.attgenerated == ATTRIBUTE_GENERATED_STORED;
  }
}

}  // namespace db_guard::effects
