#include "pg/restore_session.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/guc.h"
}

namespace db_guard::pg {

namespace {

bool setting_is(const char* name, const char* value) {
  const char* current = GetConfigOption(name, true, false);
  return current != nullptr && strcmp(current, value) == 0;
}

}  // namespace

bool looks_like_restore() {
  // The rarest of them first, and without looking it up by name: this is asked of every statement.
  return *namespace_search_path == '\0' && setting_is("check_function_bodies", "off") &&
         setting_is("row_security", "off") && setting_is("xmloption", "content");
}

}  // namespace db_guard::pg
