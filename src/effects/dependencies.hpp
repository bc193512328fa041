// The ACCESS SHARE locks that recording a dependency takes.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// The relation is recorded as what a new object depends on.
void lock_dependency(Prediction& prediction, Oid relation);
// The relations (OIDs) that the object depends on, or that the defaults of a table's columns do.
List* relations_behind(Oid catalog, Oid object);
List* relations_behind_defaults(Oid table);
// The same dependencies once more: of an object that is copied or written anew.
void lock_dependencies_of(Prediction& prediction, Oid catalog, Oid object);
// Of the defaults of a table's columns, which a new table takes over.
void lock_dependencies_of_defaults(Prediction& prediction, Oid table);
// What of this database hangs on a role: what it owns, what it has rights on, policies for it.
struct RoleDependent {
  Oid catalog;
  Oid object;
  char type;  // SHARED_DEPENDENCY_*
};
List* dependents_of_role(Oid role);  // RoleDependent*

// A column of a composite type, or of one made of it.
void lock_column_type(Prediction& prediction, Oid type);
void lock_column_types(Prediction& prediction, Oid table);

}  // namespace db_guard::effects
