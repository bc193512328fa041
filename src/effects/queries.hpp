// What queries lock, for the commands that have one inside.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// How far the server takes a query. What follows includes what comes before.
enum class QueryStep {
  kParsed,     // the relations that are named
  kRewritten,  // and those behind views
  kPlanned,    // and children, partitions and indexes
  kRun,        // and reads them, and checks keys
};

void predict_raw_query(Prediction& prediction, Node* raw_query, QueryStep step);
// The same of what is kept in the catalog, with its dependencies.
void predict_recorded_query(Prediction& prediction, Node* raw_query);
void predict_recorded_expression(Prediction& prediction, Node* expression);
// Of a query that was analysed before: a prepared statement, the definition of a view.
void predict_analysed_query(Prediction& prediction, struct Query* query, QueryStep step);
void predict_view_definition(Prediction& prediction, Oid view, QueryStep step);

}  // namespace db_guard::effects
