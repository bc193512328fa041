#include "pg/own_function.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/lsyscache.h"
}

namespace db_guard::pg {

bool is_own_function(Oid function, const char* name) {
  const Oid schema = get_namespace_oid("db_guard", true);
  if (!OidIsValid(schema) || get_func_namespace(function) != schema) return false;
  const char* found = get_func_name(function);
  return found != nullptr && strcmp(found, name) == 0;
}

}  // namespace db_guard::pg
