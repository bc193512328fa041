// Families of predict_other() that fill a file of their own.
#pragma once

#include "effects/queries.hpp"

namespace db_guard::effects {

bool predict_publication(Prediction& prediction, Node* tree);  // publications.cpp
bool predict_sequence(Prediction& prediction, Node* tree);     // sequences.cpp
// Queries and changes of data, and the commands that wrap one.
bool predict_query_command(Prediction& prediction, Node* tree);  // query_commands.cpp
void predict_execute(Prediction& prediction, const ExecuteStmt* execute, QueryStep step);
void predict_function(Prediction& prediction, const CreateFunctionStmt* create);  // functions.cpp

}  // namespace db_guard::effects
