// Whether a type was made in this very transaction.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_type.h"
#include "utils/syscache.h"
}

namespace db_guard::ddl {

namespace {

bool is_new(const char* schema, const char* name) {
  List* names = list_make1(makeString(pstrdup(name)));
  if (schema != nullptr) names = lcons(makeString(pstrdup(schema)), names);
  const Oid type = LookupTypeNameOid(nullptr, makeTypeNameFromNameList(names), true);
  HeapTuple row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(row)) return false;
  const bool ours = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
  ReleaseSysCache(row);
  return ours;
}

}  // namespace

bool CatalogFacts::is_new_type(const ObjectName& type) {
  const char* schema = type.schema.empty() ? nullptr : type.schema.c_str();
  const char* name = type.name.c_str();
  try {
    return pg::call([&] { return is_new(schema, name); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    throw Refused{};
  }
}

}  // namespace db_guard::ddl
