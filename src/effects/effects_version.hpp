// What differs between server versions 15 to 18 in what commands do and lock.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "nodes/nodes.h"
#include "access/attmap.h"
#include "access/reloptions.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/rel.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
}

namespace db_guard::effects {

using Walker = bool (*)(Node*, void*);

// Until 15 the server's tree walkers declared their callback without arguments.
#if PG_VERSION_NUM >= 160000
inline Walker as_walker(Walker walker) { return walker; }
#else
inline bool (*as_walker(Walker walker))() {
  return reinterpret_cast<bool (*)()>(reinterpret_cast<void*>(walker));
}
#endif

// Since 16 the planner looks at the unique indexes of partitioned tables, too.
inline bool plans_with_indexes_of_partitioned_tables() { return PG_VERSION_NUM >= 160000; }

// Since 16 the parser of names reports errors softly, and takes one more argument.
inline List* names_in(const char* text) {
#if PG_VERSION_NUM >= 160000
  return stringToQualifiedNameList(text, nullptr);
#else
  return stringToQualifiedNameList(text);
#endif
}

// Until 15 CREATE RULE could turn a table into a view.
inline bool rule_makes_view_of_table() { return PG_VERSION_NUM < 160000; }

// Raises an error where the current role may not. Since 16 there is one check for all objects.
inline void check_may_create_in(Oid schema) {
#if PG_VERSION_NUM >= 160000
  const AclResult result = object_aclcheck(NamespaceRelationId, schema, GetUserId(), ACL_CREATE);
#else
  const AclResult result = pg_namespace_aclcheck(schema, GetUserId(), ACL_CREATE);
#endif
  if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_SCHEMA, get_namespace_name(schema));
}

// VACUUM and ANALYZE pass over what the current role may not maintain; since 17 there is a
// privilege for that.
inline bool may_maintain(Oid relation) {
  const Oid role = GetUserId();
#if PG_VERSION_NUM >= 170000
  return object_ownercheck(DatabaseRelationId, MyDatabaseId, role) ||
         pg_class_aclcheck(relation, role, ACL_MAINTAIN) == ACLCHECK_OK;
#elif PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, MyDatabaseId, role) ||
         object_ownercheck(RelationRelationId, relation, role);
#else
  return pg_database_ownercheck(MyDatabaseId, role) || pg_class_ownercheck(relation, role);
#endif
}

// Since 18 VACUUM and ANALYZE take the children of every parent along, unless ONLY is said.
inline bool upkeep_follows_inheritance() { return PG_VERSION_NUM >= 180000; }

// Since the minor releases of August 2026 the server locks what it records a dependency on. The
// server that runs counts, not the one that this was built for.
bool locks_what_is_depended_on();  // dependencies.cpp

// Since 18 COPY writes out materialized views, too.
inline bool copies_out(char kind) {
  return kind == RELKIND_RELATION || (PG_VERSION_NUM >= 180000 && kind == RELKIND_MATVIEW);
}

// Since 18 GRANT and REVOKE lock the relations that they name.
inline bool grant_locks_relations() { return PG_VERSION_NUM >= 180000; }
// From 16 on the planner looks at the unique indexes of partitioned tables, too.
inline constexpr bool kPlannerOpensPartitionedIndexes = PG_VERSION_NUM >= 160000;
// From 17 on identity columns of partitioned tables are inherited.
inline constexpr bool kIdentityReachesPartitions = PG_VERSION_NUM >= 170000;
// From 18 on a foreign key of a partitioned table may be NOT VALID.
inline constexpr bool kPartitionedKeysMayBeNotValid = PG_VERSION_NUM >= 180000;
// From 17 on partitioned tables may have exclusion constraints.
inline constexpr bool kPartitionedExclusion = PG_VERSION_NUM >= 170000;
// From 18 on ADD CONSTRAINT of any kind first locks all that inherit from the table.
inline constexpr bool kNewConstraintsLockHeirs = PG_VERSION_NUM >= 180000;
// From 18 on a key of a partition becomes part of the parent's even if it is NOT VALID.
inline constexpr bool kUnprovenKeysAreAttached = PG_VERSION_NUM >= 180000;
// From 18 on NOT NULL is a constraint of its own.
inline constexpr bool kNotNullIsConstraint = PG_VERSION_NUM >= 180000;

inline bool is_set_expression(const AlterTableCmd* command) {
#if PG_VERSION_NUM >= 170000
  return command->subtype == AT_SetExpression;
#else
  (void)command;
  return false;
#endif
}

// The columns of one table by those of another with the same names.
inline AttrMap* map_of_columns(::Relation to, ::Relation from) {
#if PG_VERSION_NUM >= 160000
  return build_attrmap_by_name(RelationGetDescr(to), RelationGetDescr(from), false);
#else
  return build_attrmap_by_name(RelationGetDescr(to), RelationGetDescr(from));
#endif
}

// The tree walkers want a function without a prototype on 15, and cast it themselves afterwards.
template <class Context>
bool walk_expression(Node* node, bool (*walker)(Node*, Context*), Context* context) {
#if PG_VERSION_NUM >= 160000
  return expression_tree_walker(node, walker, context);
#else
  return expression_tree_walker(
      node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}
template <class Context>
bool walk_raw_expression(Node* node, bool (*walker)(Node*, Context*), Context* context) {
#if PG_VERSION_NUM >= 160000
  return raw_expression_tree_walker(node, walker, context);
#else
  return raw_expression_tree_walker(
      node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

// The storage options as pg_class would keep them.
inline Datum storage_options(List* options, bool reset) {
#if PG_VERSION_NUM >= 180000
  static const char* const kNamespaces[] = HEAP_RELOPT_NAMESPACES;
  return transformRelOptions(0, options, nullptr, kNamespaces, false, reset);
#else
  static char toast[] = "toast";
  static char* namespaces[] = {toast, nullptr};
  return transformRelOptions(0, options, nullptr, namespaces, false, reset);
#endif
}

// NOT ENFORCED constraints check nothing.
inline bool is_enforced(const Constraint* constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->is_enforced;
#else
  (void)constraint;
  return true;
#endif
}

inline bool is_enforced(const FormData_pg_constraint& constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint.conenforced;
#else
  (void)constraint;
  return true;
#endif
}

// What ALTER CONSTRAINT changes, whatever node says so.
struct ConstraintChange {
  const char* name;
  bool alters_deferrability;
  bool deferrable;
  bool deferred;
  bool alters_enforceability;
  bool enforced;
  bool alters_inheritance;
  bool no_inherit;
};
inline ConstraintChange constraint_change(const AlterTableCmd* command) {
#if PG_VERSION_NUM >= 180000
  const auto* change = reinterpret_cast<const ATAlterConstraint*>(command->def);
  return {change->conname,
          change->alterDeferrability,
          change->deferrable,
          change->initdeferred,
          change->alterEnforceability,
          change->is_enforced,
          change->alterInheritability,
          change->noinherit};
#else
  const auto* change = reinterpret_cast<const Constraint*>(command->def);
  return {change->conname, true, change->deferrable, change->initdeferred, false, true,
          false,           false};
#endif
}

}  // namespace db_guard::effects
