// The predictions of this room as the rules take them.
#pragma once

#include "ddl/effects.hpp"
#include "effects/prediction.hpp"

namespace db_guard::effects {

class CatalogPredictor final : public ddl::Predictor {
 public:
  // With what earlier statements of a script will have done, or for a single statement.
  explicit CatalogPredictor(const ScriptState* script = nullptr) : script_(script) {}
  ddl::Effects predict(const ddl::Statement& statement) override;
  // What was predicted last, for what comes after the judgement.
  [[nodiscard]] const ddl::Effects& last() const { return last_; }

 private:
  const ScriptState* script_;
  ddl::Effects last_;
};

}  // namespace db_guard::effects
