#include "lint/script_facts.hpp"

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
