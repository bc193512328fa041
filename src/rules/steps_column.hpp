// The safe ways of adding a column and of changing its type.
#pragma once

#include "rules/steps.hpp"

namespace db_guard::rules {

// ADD COLUMN in steps: the column alone, then its values, then its constraints, each in the way
// that keeps nobody waiting. None where the text of a part is not known.
void append_added_column_steps(const Context& context, Vector<Text>& steps);

// The values of a serial or identity column: a sequence, the default, the old rows. What makes it
// an identity comes last, when nothing else is to be done to the column.
struct Numbering {
  Text sequence;  // quoted and qualified
  Text identity;  // the step that makes it an identity; empty for serial
};
Numbering append_numbering_steps(const Context& context, Vector<Text>& steps);

// The trigger that takes the place of a generated column: quoted names.
struct Computation {
  Text trigger;
  Text function;        // qualified
  Vector<Text> create;  // the statements that make function and trigger
};
Computation plan_computation(const Context& context, const ddl::Generation& generation);

// A CHECK constraint that shows, before anything is done, that every value fits the new type; then
// the way by a new column.
void add_type_change_way(const Context& context, const ddl::TypeChange& change, Finding& finding);

// A change of type takes the statistics of the column away.
Text analyze_step(const Context& context);

}  // namespace db_guard::rules
