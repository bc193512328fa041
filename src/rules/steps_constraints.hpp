// The safe ways of constraints: the user's own clause, edited where it has to be another one.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// "ADD CHECK (...)" with the name in it, so that a later step can speak of it. What has a name
// already stays as it is.
Text named_clause(const ddl::Action& action, std::string_view quoted_name);

// Words put behind the last word of the clause; a comment behind it survives.
Text clause_with(std::string_view clause, std::string_view words);

// "ALTER TABLE t ADD ...;", with ONLY where the user says so.
Text alter_step(const Context& context, std::string_view clause);
Text alter_step(std::string_view table, std::string_view clause);

// The raw name of the constraint that the action adds: the user's, or the one that the server would
// choose.
Text new_constraint_name(const Context& context);

// ADD CHECK or ADD FOREIGN KEY as NOT VALID, then VALIDATE. None where the clause is not known.
void append_validated_steps(const Context& context, Vector<Text>& steps);

}  // namespace db_guard::rules
