#include "guard/exemptions.hpp"

#include "guard/settings.hpp"
#include "pg/restore_session.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/parallel.h"
#include "commands/extension.h"
#include "replication/logicalworker.h"
#include "replication/walsender.h"
}

namespace db_guard::guard {

namespace {

// How a restore shows itself is no proof: where an override role is set, only its members are
// believed.
bool is_restore() { return pg::looks_like_restore() && may_override(); }

bool is_server_process() {
  return IsParallelWorker() || pg::is_autovacuum_worker() || IsLogicalWorker() || am_walsender;
}

}  // namespace

bool is_exempt() {
  return creating_extension || IsBinaryUpgrade || is_server_process() || is_restore();
}

}  // namespace db_guard::guard
