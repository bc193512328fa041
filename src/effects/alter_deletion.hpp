// What DROP takes along: the walk through pg_depend, and the lock that the removal of each object
// takes. Plain server code.
#pragma once

#include "effects/prediction.hpp"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace db_guard::effects {

// Adds the locks for removing the objects (ObjectAddress*) and whatever must or, with CASCADE, may
// go with them. Returns all that goes; with RESTRICT it may be that the server refuses.
List* predict_deletion(Prediction& prediction, List* objects, DropBehavior behavior);

ObjectAddress* object_address(Oid catalog, Oid object, int32 part);
bool contains_object(const List* objects, Oid catalog, Oid object, int32 part);

}  // namespace db_guard::effects
