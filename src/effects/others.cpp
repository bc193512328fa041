#include "effects/prediction.hpp"

namespace db_guard::effects {

bool predict_other(Prediction&, Node*) { return false; }

}  // namespace db_guard::effects
