// The ProcessUtility hook: opens a frame for each DDL statement, and brings what event triggers do
// not see to the guard. It decides nothing.
#pragma once

namespace db_guard::guard {

void install_utility_hook();

}  // namespace db_guard::guard
