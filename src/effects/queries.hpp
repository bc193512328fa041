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
// The same where what it selects becomes the columns of a new relation.
void predict_new_relation(Prediction& prediction, Node* raw_query, QueryStep step);
void predict_new_view(Prediction& prediction, Node* raw_query);
// Of what is kept in the catalog, with its dependencies. A field that an expression selects may be
// one of `composite`, a type.
void predict_recorded_query(Prediction& prediction, Node* raw_query);
void predict_recorded_expression(Prediction& prediction, Node* expression,
                                 Oid composite = InvalidOid);
// Of a query that was analysed before: a prepared statement, the definition of a view.
void predict_analysed_query(Prediction& prediction, struct Query* query, QueryStep step);
void predict_view_definition(Prediction& prediction, Oid view, QueryStep step);

}  // namespace db_guard::effects
