#include "effects/prediction.hpp"

namespace db_guard::effects {

bool predict_create_table(Prediction&, Node*) { return false; }

}  // namespace db_guard::effects
