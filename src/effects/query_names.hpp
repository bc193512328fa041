// The relations that a query names, as the parser made it or as it is kept in the catalog.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// A relation as a query names it.
struct Named {
  Oid relation;
  LOCKMODE lock;
  CmdType command;       // CMD_SELECT, or what is done to it
  bool family;           // with its children
  const List* targets;   // ResTarget*, of UPDATE; NIL where they are not known
  bool unread;           // no row of it can come through
  bool finds_conflicts;  // ON CONFLICT (...)
};

// A walk through a raw parse tree; adds the locks of parsing as it goes.
struct RawWalk {
  Prediction* prediction;
  List* named;        // Named*
  List* with_names;   // of WITH queries in sight
  List* locked;       // aliases in FOR UPDATE and the like
  bool all_locked;    // FOR UPDATE of everything
  bool has_function;  // calls something
  bool has_condition;
  List* columns;   // names of columns, wherever they stand
  bool has_field;  // selects a field of a composite value
  bool has_star;
  bool run;
  bool makes_columns;  // what it selects becomes columns of a new relation
  bool recorded;       // goes into the catalog, with its dependencies
};

bool walk_raw(Node* node, void* raw_walk);
// The types of what the query takes over from the relations that it names.
void lock_types_of_columns(const RawWalk& walk);

// What a query that has been analysed names.
struct QueryWalk {
  List* named;
  Oid view;            // whose definition it is: it names itself
  const Query* query;  // the innermost
  List* columns;       // names of columns in conditions
  bool has_condition;
  bool pushed_down;  // FOR UPDATE of the view
};

bool walk_query(Node* node, void* query_walk);

}  // namespace db_guard::effects
