#include "effects/prediction.hpp"

namespace db_guard::effects {

bool predict_maintenance(Prediction&, Node*) { return false; }

}  // namespace db_guard::effects
