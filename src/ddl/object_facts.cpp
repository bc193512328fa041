// What the catalogs say of relations and other objects, one question each.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/call.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/twophase.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "commands/dbcommands.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_type.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace db_guard::ddl {

namespace {

AclMode privileges_for(ActionKind kind) {
  switch (kind) {
    case ActionKind::kTruncate:
      return ACL_TRUNCATE;
    case ActionKind::kLockTable:
      return ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    case ActionKind::kUpdate:
      return ACL_UPDATE;
    case ActionKind::kDelete:
      return ACL_DELETE;
    case ActionKind::kInsertSelect:
      return ACL_INSERT;
    case ActionKind::kRebuildTable:
    case ActionKind::kRefreshView:
      return kMaintainPrivilege;
    default:
      return 0;
  }
}

// UPDATE and INSERT may be granted by column.
bool has_privilege(Oid relation, AclMode mode) {
  const Oid role = GetUserId();
  if (pg_class_aclmask(relation, role, mode, ACLMASK_ANY) != 0) return true;
  const AclMode by_column = mode & (ACL_UPDATE | ACL_INSERT);
  return by_column != 0 &&
         pg_attribute_aclcheck_all(relation, role, by_column, ACLMASK_ANY) == ACLCHECK_OK;
}

}  // namespace

bool CatalogFacts::may_run(const Relation& relation, ActionKind kind) {
  if (relation.owned) return true;
  const AclMode mode = privileges_for(kind);
  const Oid id = relation.id;
  return mode != 0 && pg::call([&] { return has_privilege(id, mode); });
}

Vector<ForeignKey> CatalogFacts::foreign_keys(const Relation& relation) {
  const Text id = core::number(relation.id);
  const pg::Rows rows = pg::query(
      "SELECT conname, confrelid FROM pg_constraint"
      " WHERE conrelid = $1::oid AND confrelid <> $1::oid AND contype = 'f' AND conparentid = 0"
      " ORDER BY conname",
      {id.c_str()});
  Vector<ForeignKey> keys;
  for (int i = 0; i < rows.rows; i++) {
    const auto other = relation_by_id(Oid(std::strtoul(rows.at(i, 1), nullptr, 10)));
    if (!other) continue;
    ForeignKey key;
    key.constraint = rows.text(i, 0);
    key.other_table = other->display;
    key.other_bytes = size(*other).bytes;
    key.referencing = true;
    keys.push_back(std::move(key));
  }
  return keys;
}

Vector<Text> CatalogFacts::primary_key(const Relation& relation) {
  const Text id = core::number(relation.id);
  const pg::Rows rows =
      pg::query("SELECT a.attname FROM pg_index i"
                " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
                " WHERE i.indrelid = $1::oid AND i.indisprimary AND k.place <= i.indnkeyatts"
                " ORDER BY k.place",
                {id.c_str()});
  Vector<Text> columns;
  for (int i = 0; i < rows.rows; i++) columns.emplace_back(rows.text(i, 0));
  return columns;
}

Vector<Dependent> CatalogFacts::mentions(std::string_view name) { return find_mentions(name); }

std::optional<Relation> CatalogFacts::parent_of_partition(const Relation& partition) {
  if (!partition.is_partition) return std::nullopt;
  const Oid id = partition.id;
  const Text child = core::number(id);
  const pg::Rows rows =
      pg::query("SELECT inhparent FROM pg_inherits WHERE inhrelid = $1::oid", {child.c_str()});
  if (rows.rows != 1) return std::nullopt;
  return relation_by_id(Oid(std::strtoul(rows.at(0, 0), nullptr, 10)));
}

std::optional<Relation> CatalogFacts::default_partition(const Relation& parent) {
  const Oid id = parent.id;
  const Oid partition = pg::call([&] { return get_default_partition_oid(id); });
  return OidIsValid(partition) ? relation_by_id(partition) : std::nullopt;
}

MaterializedView CatalogFacts::materialized_view(const Relation& relation) {
  const Text id = core::number(relation.id);
  const pg::Rows rows = pg::query(
      "SELECT relispopulated,"
      " EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisunique AND indisvalid"
      "          AND indpred IS NULL AND indexprs IS NULL)"
      " FROM pg_class c WHERE c.oid = $1::oid",
      {id.c_str()});
  MaterializedView view;
  if (rows.rows != 1) return view;
  view.populated = rows.text(0, 0) == "t";
  view.has_unique_index = rows.text(0, 1) == "t";
  return view;
}

RowSecurity CatalogFacts::row_security(const Relation& relation) {
  const Text id = core::number(relation.id);
  const pg::Rows rows = pg::query("SELECT c.relrowsecurity, p.polname FROM pg_class c"
                                  " LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polpermissive"
                                  " WHERE c.oid = $1::oid ORDER BY p.polname",
                                  {id.c_str()});
  RowSecurity security;
  for (int i = 0; i < rows.rows; i++) {
    security.enabled = rows.text(i, 0) == "t";
    if (rows.at(i, 1) != nullptr) security.permissive_policies.emplace_back(rows.text(i, 1));
  }
  return security;
}

Vector<TypedColumn> CatalogFacts::columns_of_type(const ObjectName& type) {
  const char* schema = type.schema.empty() ? nullptr : type.schema.c_str();
  const char* name = type.name.c_str();
  const Oid id = pg::call([&] {
    List* names = list_make1(makeString(pstrdup(name)));
    if (schema != nullptr) names = lcons(makeString(pstrdup(schema)), names);
    return LookupTypeNameOid(nullptr, makeTypeNameFromNameList(names), true);
  });
  if (!OidIsValid(id)) throw Refused{};
  const Text text = core::number(id);
  const pg::Rows rows =
      pg::query("SELECT a.attrelid, a.attname, a.atttypid <> $1::oid"
                " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " WHERE NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'p', 'f')"
                " AND NOT c.relispartition AND (a.atttypid = $1::oid"
                "  OR a.atttypid = (SELECT typarray FROM pg_type WHERE oid = $1::oid))"
                " ORDER BY a.attrelid::regclass::text, a.attname",
                {text.c_str()});
  Vector<TypedColumn> columns;
  for (int i = 0; i < rows.rows; i++) {
    const auto relation = relation_by_id(Oid(std::strtoul(rows.at(i, 0), nullptr, 10)));
    if (relation) columns.push_back({*relation, Text(rows.text(i, 1)), rows.text(i, 2) == "t"});
  }
  return columns;
}

std::uint32_t CatalogFacts::objects_in_schema(const Text& schema) {
  const pg::Rows rows = pg::query(
      "SELECT (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid"
      "         AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S'))"
      " + (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = n.oid)"
      " + (SELECT count(*) FROM pg_type t WHERE t.typnamespace = n.oid AND t.typtype IN ('e', 'd'))"
      " FROM pg_namespace n WHERE n.nspname = $1",
      {schema.c_str()});
  return rows.rows == 1 ? std::uint32_t(std::strtoul(rows.at(0, 0), nullptr, 10)) : 0;
}

namespace {

// Each takes a name, and a schema or NULL.
const char* sql_for_kind(std::string_view kind) {
  if (kind == "extension")
    return "SELECT FROM pg_extension WHERE extname = $1 AND $2::text IS NULL";
  if (kind == "type" || kind == "domain") {
    return "SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
           " WHERE t.typname = $1 AND ($2 IS NULL OR n.nspname = $2)";
  }
  if (kind == "operator") {
    return "SELECT FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace"
           " WHERE o.oprname = $1 AND ($2 IS NULL OR n.nspname = $2)";
  }
  return "SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
         " WHERE p.proname = $1 AND ($2 IS NULL OR n.nspname = $2)";
}

}  // namespace

bool CatalogFacts::has_object(std::string_view kind, const ObjectName& name) {
  const char* schema = name.schema.empty() ? nullptr : name.schema.c_str();
  const Text sql = core::concat({"SELECT EXISTS (", sql_for_kind(kind), ")"});
  return pg::query(sql.c_str(), {name.name.c_str(), schema}).text(0, 0) == "t";
}

// The server says itself where that is nowhere.
Text CatalogFacts::creation_schema() {
  try {
    return Text(pg::call([] {
      const RangeVar* anything = makeRangeVar(nullptr, nullptr, -1);
      const char* schema = get_namespace_name(RangeVarGetCreationNamespace(anything));
      return schema != nullptr ? schema : "";
    }));
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    throw Refused{};
  }
}

std::optional<Relation> CatalogFacts::namesake(const ObjectName& name) {
  if (!name.schema.empty()) return relation(name);
  const Text schema = creation_schema();
  if (schema.empty()) return std::nullopt;
  return relation({schema, name.name});
}

bool CatalogFacts::has_database(const Text& database) {
  const char* name = database.c_str();
  return pg::call([&] { return OidIsValid(get_database_oid(name, true)); });
}

std::uint64_t CatalogFacts::lock_table_size() {
  return std::uint64_t(max_locks_per_xact) * std::uint64_t(MaxBackends + max_prepared_xacts);
}

}  // namespace db_guard::ddl
