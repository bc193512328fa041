#include "pg/operator_name.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace db_guard::pg {

const char* operator_name(Oid id) {
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(id));
  if (!HeapTupleIsValid(tuple)) return nullptr;
  const auto* form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  const char* result =
      psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
               NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return result;
}

const char* equality_name(Oid type) {
  const Oid id = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr;
  const char* name = OidIsValid(id) ? operator_name(id) : nullptr;
  if (name == nullptr) elog(ERROR, "type %u has no equality operator", type);
  return name;
}

}  // namespace db_guard::pg
