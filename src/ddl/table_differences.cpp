// CREATE TABLE IF NOT EXISTS, compared with the relation that exists.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/rel.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

// A plain copy of what is read in one go.
struct ColumnPair {
  bool exists;
  const char* wanted;  // type
  const char* found;
};

Oid type_of_serial(const char* base) {
  if (strcmp(base, "bigint") == 0) return INT8OID;
  return strcmp(base, "smallint") == 0 ? INT2OID : INT4OID;
}

ColumnPair compare(Oid relation, const ColumnDef* definition) {
  ColumnPair pair{};
  const AttrNumber number = get_attnum(relation, definition->colname);
  pair.exists = number > 0;
  if (!pair.exists || definition->typeName == nullptr) return pair;
  ColumnPlan plan = plan_new_column(definition);
  if (plan.serial) plan.type = type_of_serial(plan.type_name);
  if (plan.serial) plan.modifier = -1;
  Oid type = InvalidOid;
  int32 modifier = -1;
  Oid collation = InvalidOid;
  get_atttypetypmodcoll(relation, number, &type, &modifier, &collation);
  if (type == plan.type && modifier == plan.modifier) return pair;
  pair.wanted = format_type_with_typemod(plan.type, plan.modifier);
  pair.found = format_type_with_typemod(type, modifier);
  return pair;
}

void add_column(const Relation& relation, const ColumnDef* definition, Facts& facts,
                Vector<Text>& found) {
  const Oid id = relation.id;
  ColumnPair pair{};
  try {
    pair = pg::call([&] { return compare(id, definition); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // A type that is not there: IF NOT EXISTS makes the server skip the statement all the same.
    return;
  }
  const Text name = facts.quote(definition->colname);
  if (!pair.exists) found.push_back(concat({"it has no column ", name}));
  if (pair.wanted != nullptr) {
    found.push_back(concat(
        {"its column ", name, " is ", pair.found, " where the statement says ", pair.wanted}));
  }
}

// Columns that come from elsewhere cannot be told from those that are too many.
bool takes_columns_from_others(const CreateStmt* create) {
  if (create->inhRelations != NIL || create->ofTypename != nullptr) return true;
  ListCell* cell = nullptr;
  foreach (cell, create->tableElts) {
    if (IsA(lfirst(cell), TableLikeClause)) return true;
  }
  return false;
}

bool names_column(const CreateStmt* create, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, create->tableElts) {
    const auto* element = static_cast<const Node*>(lfirst(cell));
    if (!IsA(element, ColumnDef)) continue;
    if (strcmp(reinterpret_cast<const ColumnDef*>(element)->colname, name) == 0) return true;
  }
  return false;
}

List* columns_not_named(Oid id, const CreateStmt* create) {
  List* names = NIL;
  ::Relation relation = RelationIdGetRelation(id);
  if (relation == nullptr) return names;
  const TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    const auto* column = TupleDescAttr(columns, i);
    const char* name = NameStr(column->attname);
    if (!column->attisdropped && !names_column(create, name)) names = lappend(names, pstrdup(name));
  }
  RelationClose(relation);
  return names;
}

}  // namespace

Vector<Text> CatalogFacts::differences(const Relation& relation, const Action& action) {
  Vector<Text> found;
  const auto* create = static_cast<const CreateStmt*>(action.node);
  ListCell* cell = nullptr;
  foreach (cell, create->tableElts) {
    const auto* element = static_cast<const Node*>(lfirst(cell));
    if (!IsA(element, ColumnDef)) continue;
    add_column(relation, reinterpret_cast<const ColumnDef*>(element), *this, found);
  }
  if (takes_columns_from_others(create)) return found;
  const Oid id = relation.id;
  List* more = pg::call([&] { return columns_not_named(id, create); });
  for (int i = 0; i < list_length(more); i++) {
    found.push_back(concat(
        {"it has a column ", quote(static_cast<const char*>(list_nth(more, i))), " besides"}));
  }
  return found;
}

}  // namespace db_guard::ddl
