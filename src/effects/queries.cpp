#include "effects/prediction.hpp"

namespace db_guard::effects {

void predict_query(Prediction& prediction, Node*, QueryUse) { prediction.estimated = true; }

}  // namespace db_guard::effects
