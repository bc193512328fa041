// Whose DDL the guard keeps out of.
#pragma once

namespace db_guard::guard {

// Plain server code. True for extension scripts, pg_dump's restores, pg_upgrade, replication and
// the server's own processes.
bool is_exempt();

}  // namespace db_guard::guard
