#include "lint/script_facts.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "pg/call.hpp"

extern "C" {
#include "nodes/makefuncs.h"
}

namespace db_guard::lint {

Oid ScriptFacts::resolve(const ddl::ObjectName& name) {
  const char* schema = name.schema.empty() ? nullptr : name.schema.c_str();
  const char* relname = name.name.c_str();
  const effects::ScriptState& script = script_;
  try {
    return pg::call([&] {
      RangeVar* range = makeRangeVar(const_cast<char*>(schema), const_cast<char*>(relname), -1);
      return effects::is_made(script, range) ? InvalidOid : effects::resolve(script, range);
    });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    throw ddl::Refused{};
  }
}

namespace {

// Whoever will run the script has the rights; it need not be who reads it.
std::optional<ddl::Relation> owned(std::optional<ddl::Relation> relation) {
  if (relation) relation->owned = true;
  return relation;
}

}  // namespace

// Where the script has renamed it, steps are to speak of the new name.
std::optional<ddl::Relation> ScriptFacts::relation(const ddl::ObjectName& name) {
  auto relation = ddl::CatalogFacts::relation(name);
  if (!relation) return relation;
  if (relation->name != name.name || (!name.schema.empty() && relation->schema != name.schema)) {
    relation->name = name.name;
    if (!name.schema.empty()) relation->schema = name.schema;
    relation->display = core::concat({quote(relation->schema), ".", quote(relation->name)});
  }
  return owned(std::move(relation));
}

std::optional<ddl::Relation> ScriptFacts::table_of(const ddl::Index& index) {
  return owned(ddl::CatalogFacts::table_of(index));
}

// What is lent goes by the name in the catalog, which the other database has, too.
ddl::Size ScriptFacts::size(const ddl::Relation& relation) {
  const ddl::Size here = ddl::CatalogFacts::size(relation);
  const auto as_it_is = ddl::read_relation_by_id(relation.id);
  if (!as_it_is) return here;
  return lent_.find(as_it_is->display, relation, here).value_or(here);
}

bool ScriptFacts::known_to_nobody_else(const ddl::Relation& relation) {
  return !LentSizes::assumes_use() && ddl::CatalogFacts::known_to_nobody_else(relation);
}

bool ScriptFacts::foreign_key_is_indexed(const ddl::Relation& relation,
                                         const ddl::Vector<ddl::Text>& columns) {
  if (ddl::CatalogFacts::foreign_key_is_indexed(relation, columns)) return true;
  const Oid table = relation.id;
  const effects::ScriptState& script = script_;
  List* names = NIL;
  for (const ddl::Text& column : columns) {
    const char* name = column.c_str();
    names = pg::call([&] { return lappend(names, const_cast<char*>(name)); });
  }
  return pg::call([&] { return effects::is_indexed(script, table, names); });
}

std::optional<ddl::Relation> ScriptFacts::parent_of_partition(const ddl::Relation& partition) {
  if (effects::is_detached(script_, partition.id)) return std::nullopt;
  return ddl::CatalogFacts::parent_of_partition(partition);
}

ddl::RowSecurity ScriptFacts::row_security(const ddl::Relation& relation) {
  ddl::RowSecurity security = ddl::CatalogFacts::row_security(relation);
  auto& names = security.permissive_policies;
  ListCell* cell = nullptr;
  foreach (cell, script_.policies) {
    const auto* policy = static_cast<const effects::ScriptPolicy*>(lfirst(cell));
    if (policy->table != relation.id) continue;
    names.erase(std::remove(names.begin(), names.end(), policy->name), names.end());
    if (!policy->gone && policy->permissive) names.emplace_back(policy->name);
  }
  return security;
}

ddl::Vector<ddl::Text> ScriptFacts::index_columns(const ddl::Relation& relation,
                                                  const ddl::Text& index) {
  const Oid table = relation.id;
  const char* name = index.c_str();
  const effects::ScriptState& script = script_;
  List* own = pg::call([&] { return effects::columns_of_new_index(script, table, name); });
  if (own == NIL) return ddl::CatalogFacts::index_columns(relation, index);
  ddl::Vector<ddl::Text> columns;
  ListCell* cell = nullptr;
  foreach (cell, own) columns.emplace_back(static_cast<const char*>(lfirst(cell)));
  return columns;
}

namespace {

// "schema.name(integer)" is the function of that name, whatever its schema and arguments.
bool is_function_called(std::string_view function, std::string_view quoted) {
  const std::string_view name = function.substr(0, function.find('('));
  return name == quoted ||
         (name.size() > quoted.size() && name[name.size() - quoted.size() - 1] == '.' &&
          name.substr(name.size() - quoted.size()) == quoted);
}

}  // namespace

// The text of a function that the script makes anew is not the one that stands in the catalog.
ddl::Vector<ddl::Dependent> ScriptFacts::mentions(std::string_view name) {
  ddl::Vector<ddl::Dependent> found = ddl::CatalogFacts::mentions(name);
  ListCell* cell = nullptr;
  foreach (cell, script_.functions) {
    const ddl::Text quoted = quote(static_cast<const char*>(lfirst(cell)));
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const ddl::Dependent& dependent) {
                                 return dependent.kind == "function" &&
                                        is_function_called(dependent.name, quoted);
                               }),
                found.end());
  }
  return found;
}

ddl::IndexUse ScriptFacts::index_use(const ddl::Relation& relation, const ddl::Index& index) {
  ddl::IndexUse use = ddl::CatalogFacts::index_use(relation, index);
  const double scans = lent_.scans(index.display);
  if (scans >= 0) {
    use.scans = scans;
    use.last_scan.clear();
    use.stats_since.clear();
  }
  return use;
}

}  // namespace db_guard::lint
