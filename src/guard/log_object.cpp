// Which object a statement names, for the log.
#include "guard/ddl_log.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace db_guard::guard {

namespace {

const RangeVar* relation_of(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateStmt:
      return reinterpret_cast<const CreateStmt*>(tree)->relation;
    case T_CreateForeignTableStmt:
      return reinterpret_cast<const CreateForeignTableStmt*>(tree)->base.relation;
    case T_AlterTableStmt:
      return reinterpret_cast<const AlterTableStmt*>(tree)->relation;
    case T_RenameStmt:
      return reinterpret_cast<const RenameStmt*>(tree)->relation;
    case T_AlterObjectSchemaStmt:
      return reinterpret_cast<const AlterObjectSchemaStmt*>(tree)->relation;
    case T_IndexStmt:
      return reinterpret_cast<const IndexStmt*>(tree)->relation;
    case T_ViewStmt:
      return reinterpret_cast<const ViewStmt*>(tree)->view;
    case T_CreateTableAsStmt:
      return reinterpret_cast<const CreateTableAsStmt*>(tree)->into->rel;
    case T_RefreshMatViewStmt:
      return reinterpret_cast<const RefreshMatViewStmt*>(tree)->relation;
    case T_CreateSeqStmt:
      return reinterpret_cast<const CreateSeqStmt*>(tree)->sequence;
    case T_AlterSeqStmt:
      return reinterpret_cast<const AlterSeqStmt*>(tree)->sequence;
    case T_CreateTrigStmt:
      return reinterpret_cast<const CreateTrigStmt*>(tree)->relation;
    case T_RuleStmt:
      return reinterpret_cast<const RuleStmt*>(tree)->relation;
    case T_CreatePolicyStmt:
      return reinterpret_cast<const CreatePolicyStmt*>(tree)->table;
    case T_AlterPolicyStmt:
      return reinterpret_cast<const AlterPolicyStmt*>(tree)->table;
    case T_ClusterStmt:
      return reinterpret_cast<const ClusterStmt*>(tree)->relation;
    case T_ReindexStmt:
      return reinterpret_cast<const ReindexStmt*>(tree)->relation;
    default:
      return nullptr;
  }
}

bool is_temporary(const RangeVar* range, Oid schema) {
  if (range->relpersistence == RELPERSISTENCE_TEMP) return true;
  // Its schema, since asking for its persistence is an error where it has been dropped meanwhile.
  return OidIsValid(schema) && isAnyTempNamespace(schema);
}

Oid schema_of(Oid relation) {
  return OidIsValid(relation) ? get_rel_namespace(relation) : InvalidOid;
}

// Looked up once: after DDL has emptied the caches a look-up is what costs most here.
LogObject relation_object(const RangeVar* range) {
  const Oid id = RangeVarGetRelid(range, NoLock, true);
  const Oid schema = schema_of(id);
  // Renamed and moved relations are found under their new name only, and without a lock one may be
  // gone between two looks.
  const char* schema_name = OidIsValid(schema) ? get_namespace_name(schema) : range->schemaname;
  return {quote_qualified_identifier(schema_name, range->relname), is_temporary(range, schema), id};
}

bool creates_table(const Node* tree) {
  return IsA(tree, CreateStmt) || IsA(tree, CreateTableAsStmt);
}

// Where it is put says enough, which spares a look into emptied caches.
LogObject new_object(const RangeVar* range, Oid schema) {
  return {quote_qualified_identifier(get_namespace_name(schema), range->relname),
          isAnyTempNamespace(schema), InvalidOid};
}

Oid schema_for_new(const RangeVar* range) {
  return range->schemaname != nullptr ? get_namespace_oid(range->schemaname, true)
                                      : RangeVarGetCreationNamespace(range);
}

LogObject table_object(const RangeVar* range) {
  const Oid schema = schema_for_new(range);
  if (!OidIsValid(schema)) return relation_object(range);
  LogObject object = new_object(range, schema);
  object.relation = get_relname_relid(range->relname, schema);
  return object;
}

// It is temporary as soon as it reads a temporary table, which only the catalogs tell; but not in a
// session that has no temporary schema.
LogObject view_object(const RangeVar* range) {
  const Oid schema = schema_for_new(range);
  if (!OidIsValid(schema) || OidIsValid(LookupExplicitNamespace("pg_temp", true))) {
    return relation_object(range);
  }
  return new_object(range, schema);
}

const char* quoted_list(List* names) {
  return names != NIL ? NameListToQuotedString(names) : nullptr;
}

constexpr int kMostObjects = 20;

void append_names(StringInfo text, const Node* object) {
  if (text->len > 0) appendStringInfoString(text, ", ");
  if (IsA(object, List)) {
    appendStringInfoString(text,
                           quoted_list(const_cast<List*>(reinterpret_cast<const List*>(object))));
  } else if (IsA(object, String)) {
    appendStringInfoString(text, quote_identifier(strVal(object)));
  } else if (IsA(object, ObjectWithArgs)) {
    appendStringInfoString(
        text, NameListToQuotedString(reinterpret_cast<const ObjectWithArgs*>(object)->objname));
  } else if (IsA(object, TypeName)) {
    appendStringInfoString(
        text, NameListToQuotedString(reinterpret_cast<const TypeName*>(object)->names));
  }
}

const char* dropped_names(const DropStmt* tree) {
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < list_length(tree->objects) && i < kMostObjects; i++) {
    append_names(&text, static_cast<const Node*>(list_nth(tree->objects, i)));
  }
  if (list_length(tree->objects) > kMostObjects) appendStringInfoString(&text, ", ...");
  return text.len > 0 ? text.data : nullptr;
}

bool drops_relations(const DropStmt* tree) {
  switch (tree->removeType) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
      return true;
    default:
      return false;
  }
}

bool drops_only_temporary(const DropStmt* tree) {
  if (!drops_relations(tree)) return false;
  ListCell* cell = nullptr;
  foreach (cell, tree->objects) {
    const RangeVar* range = makeRangeVarFromNameList(static_cast<List*>(lfirst(cell)));
    if (!is_temporary(range, schema_of(RangeVarGetRelid(range, NoLock, true)))) return false;
  }
  return true;
}

// Names of relations, VACUUM's wrapped once more.
LogObject relations_object(const List* relations) {
  StringInfoData text;
  initStringInfo(&text);
  bool temporary = true;
  for (int i = 0; i < list_length(relations) && i < kMostObjects; i++) {
    const Node* node = static_cast<const Node*>(list_nth(relations, i));
    const RangeVar* range = IsA(node, VacuumRelation)
                                ? reinterpret_cast<const VacuumRelation*>(node)->relation
                                : reinterpret_cast<const RangeVar*>(node);
    if (range == nullptr) continue;
    const LogObject object = relation_object(range);
    temporary = temporary && object.temporary;
    appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", object.name);
  }
  if (list_length(relations) > kMostObjects) appendStringInfoString(&text, ", ...");
  if (text.len == 0) return {nullptr, false, InvalidOid};
  return {text.data, temporary, InvalidOid};
}

const char* role_list(const List* roles) {
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < list_length(roles) && i < kMostObjects; i++) {
    const auto* role = static_cast<const RoleSpec*>(list_nth(roles, i));
    const char* name =
        role->rolename != nullptr ? quote_identifier(role->rolename) : "CURRENT_ROLE";
    appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", name);
  }
  return text.len > 0 ? text.data : nullptr;
}

const char* role_name(const RoleSpec* role) {
  return role != nullptr ? role_list(list_make1(const_cast<RoleSpec*>(role))) : nullptr;
}

const char* quoted(const char* name) { return name != nullptr ? quote_identifier(name) : nullptr; }

// Of the whole server: roles, databases, tablespaces, settings; and event triggers.
const char* name_of_server_object(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreatedbStmt:
      return quoted(reinterpret_cast<const CreatedbStmt*>(tree)->dbname);
    case T_DropdbStmt:
      return quoted(reinterpret_cast<const DropdbStmt*>(tree)->dbname);
    case T_AlterDatabaseStmt:
      return quoted(reinterpret_cast<const AlterDatabaseStmt*>(tree)->dbname);
    case T_AlterDatabaseSetStmt:
      return quoted(reinterpret_cast<const AlterDatabaseSetStmt*>(tree)->dbname);
    case T_AlterDatabaseRefreshCollStmt:
      return quoted(reinterpret_cast<const AlterDatabaseRefreshCollStmt*>(tree)->dbname);
    case T_CreateTableSpaceStmt:
      return quoted(reinterpret_cast<const CreateTableSpaceStmt*>(tree)->tablespacename);
    case T_DropTableSpaceStmt:
      return quoted(reinterpret_cast<const DropTableSpaceStmt*>(tree)->tablespacename);
    case T_AlterTableSpaceOptionsStmt:
      return quoted(reinterpret_cast<const AlterTableSpaceOptionsStmt*>(tree)->tablespacename);
    case T_CreateRoleStmt:
      return quoted(reinterpret_cast<const CreateRoleStmt*>(tree)->role);
    case T_AlterRoleStmt:
      return role_name(reinterpret_cast<const AlterRoleStmt*>(tree)->role);
    case T_AlterRoleSetStmt:
      return role_name(reinterpret_cast<const AlterRoleSetStmt*>(tree)->role);
    case T_DropRoleStmt:
      return role_list(reinterpret_cast<const DropRoleStmt*>(tree)->roles);
    case T_GrantRoleStmt:
      return role_list(reinterpret_cast<const GrantRoleStmt*>(tree)->grantee_roles);
    case T_AlterSystemStmt:
      return reinterpret_cast<const AlterSystemStmt*>(tree)->setstmt->name;
    case T_CreateEventTrigStmt:
      return quoted(reinterpret_cast<const CreateEventTrigStmt*>(tree)->trigname);
    case T_AlterEventTrigStmt:
      return quoted(reinterpret_cast<const AlterEventTrigStmt*>(tree)->trigname);
    case T_RenameStmt:
      return quoted(reinterpret_cast<const RenameStmt*>(tree)->subname);
    case T_ReindexStmt:
      return quoted(reinterpret_cast<const ReindexStmt*>(tree)->name);
    default:
      return nullptr;
  }
}

const char* name_of_other(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_DropStmt:
      return dropped_names(reinterpret_cast<const DropStmt*>(tree));
    case T_CreateFunctionStmt:
      return quoted_list(reinterpret_cast<const CreateFunctionStmt*>(tree)->funcname);
    case T_CreateSchemaStmt: {
      const char* name = reinterpret_cast<const CreateSchemaStmt*>(tree)->schemaname;
      return name != nullptr ? quote_identifier(name) : nullptr;
    }
    case T_CreateExtensionStmt:
      return quote_identifier(reinterpret_cast<const CreateExtensionStmt*>(tree)->extname);
    case T_CreateEnumStmt:
      return quoted_list(reinterpret_cast<const CreateEnumStmt*>(tree)->typeName);
    case T_AlterEnumStmt:
      return quoted_list(reinterpret_cast<const AlterEnumStmt*>(tree)->typeName);
    case T_CreateDomainStmt:
      return quoted_list(reinterpret_cast<const CreateDomainStmt*>(tree)->domainname);
    case T_AlterDomainStmt:
      return quoted_list(reinterpret_cast<const AlterDomainStmt*>(tree)->typeName);
    case T_CompositeTypeStmt:
      return relation_object(reinterpret_cast<const CompositeTypeStmt*>(tree)->typevar).name;
    default:
      return name_of_server_object(tree);
  }
}

}  // namespace

LogObject object_of(const Frame& frame, const Node* tree) {
  if (frame.object != nullptr) return {frame.object, false, InvalidOid};
  const RangeVar* range = relation_of(tree);
  if (range != nullptr && creates_table(tree)) return table_object(range);
  if (IsA(tree, ViewStmt)) return view_object(range);
  if (range != nullptr) return relation_object(range);
  switch (nodeTag(tree)) {
    case T_TruncateStmt:
      return relations_object(reinterpret_cast<const TruncateStmt*>(tree)->relations);
    case T_LockStmt:
      return relations_object(reinterpret_cast<const LockStmt*>(tree)->relations);
    case T_VacuumStmt:
      return relations_object(reinterpret_cast<const VacuumStmt*>(tree)->rels);
    default:
      return {name_of_other(tree), false, InvalidOid};
  }
}

void note_object(Frame& frame, const Node* tree) {
  if (IsA(tree, RenameStmt) || IsA(tree, AlterObjectSchemaStmt) || creates_table(tree)) return;
  const RangeVar* range = relation_of(tree);
  if (range == nullptr) return;
  const LogObject object = relation_object(range);
  if (OidIsValid(object.relation) && !object.temporary) {
    frame.object = keep_in_frame(frame, object.name);
    frame.relation = object.relation;
  }
}

bool takes_temporary_name_away(const Node* tree) {
  if (IsA(tree, DropStmt)) return drops_only_temporary(reinterpret_cast<const DropStmt*>(tree));
  if (!IsA(tree, RenameStmt)) return false;
  const RangeVar* range = relation_of(tree);
  return range != nullptr && is_temporary(range, schema_of(RangeVarGetRelid(range, NoLock, true)));
}

}  // namespace db_guard::guard
