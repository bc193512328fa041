// What differs between server versions 15 to 18 in parse trees and catalogs of tables.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::ddl {

// GENERATED ALWAYS AS ... VIRTUAL came with 18; before, every generated column is stored.
inline bool is_virtual_generated(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->generated_kind == ATTRIBUTE_GENERATED_VIRTUAL;
#else
  (void)constraint;
  return false;
#endif
}

// STORAGE in the definition of a column came with 16.
inline const char* storage_of(const ColumnDef* definition) {
#if PG_VERSION_NUM >= 160000
  return definition->storage_name;
#else
  (void)definition;
  return nullptr;
#endif
}

// A virtual column has no values in the rows.
inline bool is_virtual_column(Oid relation, AttrNumber number) {
#if PG_VERSION_NUM >= 180000
  return get_attgenerated(relation, number) == ATTRIBUTE_GENERATED_VIRTUAL;
#else
  (void)relation, (void)number;
  return false;
#endif
}

// NOT ENFORCED came with 18.
inline bool is_not_enforced(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  const bool may_be = constraint->contype == CONSTR_CHECK || constraint->contype == CONSTR_FOREIGN;
  return may_be && !constraint->is_enforced;
#else
  (void)constraint;
  return false;
#endif
}

inline bool is_enforced(const FormData_pg_constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->conenforced;
#else
  (void)constraint;
  return true;
#endif
}

// ENFORCED and NOT ENFORCED behind a column's constraint are nodes of their own.
inline bool is_not_enforced_attribute(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->contype == CONSTR_ATTR_NOT_ENFORCED;
#else
  (void)constraint;
  return false;
#endif
}
inline bool is_enforcement_attribute(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->contype == CONSTR_ATTR_ENFORCED || is_not_enforced_attribute(constraint);
#else
  (void)constraint;
  return false;
#endif
}

// SET EXPRESSION came with 17.
inline bool is_set_expression_command(const AlterTableCmd* command) {
#if PG_VERSION_NUM >= 170000
  return command->subtype == AT_SetExpression;
#else
  (void)command;
  return false;
#endif
}

// ALTER CONSTRAINT has a node of its own from 18 on.
inline const char* altered_constraint_name(const AlterTableCmd* command) {
#if PG_VERSION_NUM >= 180000
  return reinterpret_cast<const ATAlterConstraint*>(command->def)->conname;
#else
  return reinterpret_cast<const Constraint*>(command->def)->conname;
#endif
}

inline bool has_without_overlaps(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->without_overlaps;
#else
  (void)constraint;
  return false;
#endif
}

// From 18 on NOT NULL is a constraint that may be NOT VALID; attnotnull is set all the same.
inline bool is_proven_not_null(Oid relation, const FormData_pg_attribute* attribute) {
  if (!attribute->attnotnull) return false;
#if PG_VERSION_NUM >= 180000
  HeapTuple tuple = findNotNullConstraintAttnum(relation, attribute->attnum);
  return tuple == nullptr || reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->convalidated;
#else
  (void)relation;
  return true;
#endif
}

// VACUUM, CLUSTER and REFRESH may be granted from 17 on.
#if PG_VERSION_NUM >= 170000
inline constexpr AclMode kMaintainPrivilege = ACL_MAINTAIN;
#else
inline constexpr AclMode kMaintainPrivilege = 0;
#endif

// The tree walker wants a function without a prototype on 15, and casts it itself afterwards.
inline bool walk_tree(Node* node, bool (*walker)(Node*, void*), void* context) {
#if PG_VERSION_NUM >= 160000
  return expression_tree_walker(node, walker, context);
#else
  return expression_tree_walker(
      node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

// The NOT NULL constraint of the column that is NOT VALID, copied; null where there is none.
inline const char* unvalidated_not_null_constraint(Oid relation, AttrNumber column) {
#if PG_VERSION_NUM >= 180000
  HeapTuple tuple = findNotNullConstraintAttnum(relation, column);
  if (tuple == nullptr) return nullptr;
  const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  return form->convalidated ? nullptr : pstrdup(NameStr(form->conname));
#else
  (void)relation, (void)column;
  return nullptr;
#endif
}

// When an index was last scanned is recorded from 16 on. SQL over a column `id` of index OIDs.
#if PG_VERSION_NUM >= 160000
inline constexpr bool kRecordsLastScan = true;
inline constexpr const char* kLastScanSql = "max(pg_stat_get_lastscan(id))::text";
#else
inline constexpr bool kRecordsLastScan = false;
inline constexpr const char* kLastScanSql = "NULL";
#endif

}  // namespace db_guard::ddl
