// What DROP takes along: the closure of objects through pg_depend, as the server walks it.
#pragma once

#include "effects/prediction.hpp"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace db_guard::effects {

// Collects what goes away. A plain value; the objects that are asked for are added one by one, and
// the whole is predicted at the end, as performMultipleDeletions() does it.
struct Deletion {
  List* wanted;  // of ObjectAddress*
  bool cascade;
};

void want_deleted(Deletion& deletion, Oid catalog, Oid object);
// Returns all that goes (ObjectAddress*).
List* predict_deletion(Prediction& prediction, const Deletion& deletion);

ObjectAddress* object_address(Oid catalog, Oid object, int32 part);
bool contains_object(const List* objects, Oid catalog, Oid object, int32 part);

// What removing one object locks, its dependents left aside.
void lock_for_removal(Prediction& prediction, const ObjectAddress& object);

}  // namespace db_guard::effects
