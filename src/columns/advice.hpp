// What somebody who has just enabled a column trigger should know about the table.
#pragma once

#include "columns/install.hpp"

namespace db_guard::columns {

// Raises WARNINGs and NOTICEs.
void give_advice(const Text& target, const Wish& wish, const Text& trigger);

}  // namespace db_guard::columns
