// What the server will certainly refuse, where that is cheap to know.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

struct Columns {
  const Alteration* alteration;
  Oid relation;
  const char* missing;
};

bool note_missing_column(Node* node, Columns* columns) {
  if (node == nullptr) return false;
  if (IsA(node, SubLink)) return false;
  if (IsA(node, ColumnRef)) {
    const auto* reference = reinterpret_cast<const ColumnRef*>(node);
    Node* name = static_cast<Node*>(linitial(reference->fields));
    if (list_length(reference->fields) != 1 || !IsA(name, String)) return false;
    if (!has_column(*columns->alteration, columns->relation, strVal(name))) {
      columns->missing = strVal(name);
    }
    return false;
  }
  return walk_raw_expression(node, note_missing_column, columns);
}

bool uses_type(Oid type);

bool column_uses_type(Oid relation) {
  const char kind = get_rel_relkind(relation);
  if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW || kind == RELKIND_PARTITIONED_TABLE) {
    return true;
  }
  const Oid type = get_rel_type_id(relation);
  return OidIsValid(type) && uses_type(type);
}

// Some table stores values of the type, or of one that is made of it.
bool uses_type(Oid type) {
  bool found = false;
  check_stack_depth();
  ::Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(TypeRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(type));
  SysScanDesc scan = systable_beginscan(catalog, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); !found && HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (form->classid == TypeRelationId) {
      found = uses_type(form->objid);
    } else if (form->classid == RelationRelationId && form->objsubid > 0) {
      found = column_uses_type(form->objid);
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

bool is_in_partition_key(Oid relation, AttrNumber number) {
  if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE) return false;
  ::Relation table = RelationIdGetRelation(relation);
  if (table == nullptr) return false;
  bool in_expression = false;
  Bitmapset* columns = bms_make_singleton(number - FirstLowInvalidHeapAttributeNumber);
  const bool is = has_partition_attrs(table, columns, &in_expression);
  RelationClose(table);
  return is;
}

bool names_column(const List* names, Oid relation, AttrNumber number) {
  ListCell* cell = nullptr;
  foreach (cell, names) {
    if (get_attnum(relation, strVal(lfirst(cell))) == number) return true;
  }
  return false;
}

}  // namespace

const char* missing_column_in(const Alteration& alteration, Oid relation, Node* expression) {
  Columns columns{&alteration, relation, nullptr};
  (void)note_missing_column(expression, &columns);
  return columns.missing;
}

const char* missing_column(const Alteration& alteration, Oid relation, const List* names) {
  ListCell* cell = nullptr;
  foreach (cell, names) {
    if (!has_column(alteration, relation, strVal(lfirst(cell)))) return strVal(lfirst(cell));
  }
  return nullptr;
}

bool is_row_type_stored(Oid relation) {
  const Oid type = get_rel_type_id(relation);
  return OidIsValid(type) && uses_type(type);
}

bool is_partition_column(Oid relation, const char* column) {
  return is_in_partition_key(relation, get_attnum(relation, column));
}

bool covers_partition_key(Oid relation, const List* columns) {
  if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE) return true;
  ::Relation table = RelationIdGetRelation(relation);
  if (table == nullptr) return true;
  bool covers = true;
  PartitionKey key = RelationGetPartitionKey(table);
  for (int i = 0; i < key->partnatts; i++) {
    covers &= key->partattrs[i] != 0 && names_column(columns, relation, key->partattrs[i]);
  }
  RelationClose(table);
  return covers;
}

bool has_other_source(Oid relation, const char* column) {
  List* sources = NIL;
  List* family = find_all_inheritors(relation, NoLock, &sources);
  for (int i = 0; i < list_length(family); i++) {
    const Oid heir = list_nth_oid(family, i);
    const int within = heir == relation ? 0 : list_nth_int(sources, i);
    if (column_row(heir, column).attinhcount > within) return true;
  }
  return false;
}

bool is_typed_table(Oid relation) {
  bool is = false;
  pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(relation), [&](auto* form, HeapTuple) {
    is = OidIsValid(form->reloftype);
  });
  return is;
}

// The server's own functions complain.
void check_options(Oid relation, List* options, bool reset) {
  const char kind = get_rel_relkind(relation);
  const Datum given = storage_options(options, reset);
  if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) {
    (void)heap_reloptions(kind, given, true);
  } else if (kind == RELKIND_PARTITIONED_TABLE) {
    (void)partitioned_table_reloptions(given, true);
  } else if (kind == RELKIND_VIEW) {
    (void)view_reloptions(given, true);
  }
}

// Of columns and CHECK constraints that an heir has to have.
const char* why_not_heir(Oid parent, Oid child) {
  for (AttrNumber number = 1;; number++) {
    const char* name = get_attname(parent, number, true);
    if (name == nullptr) break;
    if (get_attnum(parent, name) != number) continue;  // it is dropped
    const AttrNumber own = get_attnum(child, name);
    if (own == InvalidAttrNumber) return psprintf("child table is missing column \"%s\"", name);
    if (get_atttype(parent, number) != get_atttype(child, own)) {
      return psprintf("child table has different type for column \"%s\"", name);
    }
    if (is_not_null_already(parent, name) && !is_not_null_already(child, name)) {
      return psprintf("column \"%s\" in child table must be marked NOT NULL", name);
    }
  }
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(parent)) {
    const auto* facts = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (facts->type != CONSTRAINT_CHECK || facts->no_inherit) continue;
    if (find_constraint(child, facts->name) == nullptr) {
      return psprintf("child table is missing constraint \"%s\"", facts->name);
    }
  }
  return nullptr;
}

}  // namespace db_guard::effects
