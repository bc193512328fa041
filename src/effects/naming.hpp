// Commands that name an object of any kind: COMMENT, SECURITY LABEL, renames and moves of what is
// no relation.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// The lock that get_object_address() takes on the relation behind an object.
void lock_behind_name(Prediction& prediction, ObjectType type, Node* object, LOCKMODE lock,
                      bool missing_ok);
bool predict_naming(Prediction& prediction, Node* tree);

}  // namespace db_guard::effects
