#include "guard/exemptions.hpp"

#include "guard/settings.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/parallel.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "replication/logicalworker.h"
#include "replication/walsender.h"
#include "utils/guc.h"
}

namespace db_guard::guard {

namespace {

bool setting_is(const char* name, const char* value) {
  const char* current = GetConfigOption(name, true, false);
  return current != nullptr && strcmp(current, value) == 0;
}

// Every script and every connection of pg_dump and pg_restore begins with these settings, and
// nobody works interactively with all of them. They are a habit and no proof: where an override
// role is set, only its members are believed.
bool is_restore() {
  // The rarest of them first, and without looking it up by name: this is asked of every statement.
  return *namespace_search_path == '\0' && setting_is("check_function_bodies", "off") &&
         setting_is("row_security", "off") && setting_is("xmloption", "content") && may_override();
}

bool is_server_process() {
  return IsParallelWorker() || pg::is_autovacuum_worker() || IsLogicalWorker() || am_walsender;
}

}  // namespace

bool is_exempt() {
  return creating_extension || IsBinaryUpgrade || is_server_process() || is_restore();
}

}  // namespace db_guard::guard
