// Goes on with background jobs after a restart of the server, where the library is preloaded.
#pragma once

namespace db_guard::batch {

// Plain server code, for _PG_init: has the server start the launcher whenever it starts, and after
// a crash.
void register_launcher();

}  // namespace db_guard::batch
