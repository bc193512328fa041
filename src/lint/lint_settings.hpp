// The setting of the linter: db_guard.assume_large_tables.
#pragma once

namespace db_guard::lint {

void define_settings();
bool assume_large_tables() noexcept;

}  // namespace db_guard::lint
