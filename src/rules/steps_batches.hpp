// Changes of many rows, in pieces that commit one by one.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// An UPDATE or DELETE of one table in its parts, all as typed.
struct ChangeText {
  Text target;     // table and alias
  Text changes;    // what follows SET, of UPDATE
  Text condition;  // what follows WHERE, or empty
};
// nullopt where it has more parts than these: WITH, FROM, USING, RETURNING, a cursor.
std::optional<ChangeText> split_change(std::string_view statement);

// None where the statement cannot be cut into pieces by its text and the table's primary key.
void append_batched_change(const Context& context, Vector<Text>& steps);

}  // namespace db_guard::rules
