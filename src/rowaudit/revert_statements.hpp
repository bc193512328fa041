// The statements that a revert runs for a group of rows.
#pragma once

#include "rowaudit/revert_groups.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace db_guard::rowaudit {

// Plain server code, between SPI_connect and SPI_finish, with the caller's rights.

constexpr int kListedConflicts = 10;

struct Conflicts {
  StringInfoData text;  // a line for each of the first ones
  int count;
};

// What is in the way of the group. Locks its rows where nothing is, and where the caller may.
void find_conflicts(Conflicts& conflicts, Group* group);

// Gives the rows back what they held. Raises 27000 where a trigger, policy or cascade is against
// it.
void apply_group(const Group* group);

// After an error that has been caught.
void forget_shown_rows();

}  // namespace db_guard::rowaudit
