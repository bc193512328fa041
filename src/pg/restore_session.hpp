// Sessions of pg_dump's restores.
#pragma once

namespace db_guard::pg {

// Plain server code. Every script and every connection of pg_dump and pg_restore begins with
// certain settings, and nobody works interactively with all of them. They are a habit and no proof.
bool looks_like_restore();

}  // namespace db_guard::pg
