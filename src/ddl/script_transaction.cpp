#include "ddl/script_transaction.hpp"

namespace db_guard::ddl {

namespace {

constexpr std::size_t kNowhere = std::size_t(-1);

}  // namespace

std::string_view words_of(TransactionSlip slip) {
  switch (slip) {
    case TransactionSlip::kNested:
      return "a transaction is open already: this BEGIN does nothing, and the next COMMIT ends the "
             "outer transaction";
    case TransactionSlip::kNothingToEnd:
      return "no transaction is open that this could end";
    case TransactionSlip::kNoSavepoint:
      return "there is no such savepoint in an open transaction";
    case TransactionSlip::kNeverCommitted:
      return "the transaction that begins here is never committed: all of it is rolled back when "
             "the script ends";
    case TransactionSlip::kNone:
      break;
  }
  return {};
}

TransactionSlip ScriptTransaction::begin() {
  if (in_block_) return TransactionSlip::kNested;
  in_block_ = true;
  standing_at_begin_ = standing_;
  now_.forget();
  return TransactionSlip::kNone;
}

TransactionSlip ScriptTransaction::commit(bool chain) { return end(chain); }

TransactionSlip ScriptTransaction::roll_back(bool chain) {
  if (in_block_) standing_ = standing_at_begin_;
  return end(chain);
}

TransactionSlip ScriptTransaction::end(bool chain) {
  const bool was_open = in_block_;
  in_block_ = was_open && chain;
  standing_at_begin_ = standing_;
  now_.forget();
  savepoints_.clear();
  return was_open ? TransactionSlip::kNone : TransactionSlip::kNothingToEnd;
}

TransactionSlip ScriptTransaction::savepoint(std::string_view name) {
  if (!in_block_) return TransactionSlip::kNoSavepoint;
  savepoints_.push_back({Text(name), now_, standing_});
  return TransactionSlip::kNone;
}

// The newest of that name hides older ones.
std::size_t ScriptTransaction::find(std::string_view name) const {
  for (std::size_t i = savepoints_.size(); i-- > 0;) {
    if (savepoints_[i].name == name) return i;
  }
  return kNowhere;
}

TransactionSlip ScriptTransaction::roll_back_to(std::string_view name) {
  const std::size_t place = find(name);
  if (place == kNowhere) return TransactionSlip::kNoSavepoint;
  now_ = savepoints_[place].before;
  standing_ = savepoints_[place].standing;
  savepoints_.resize(place + 1);
  return TransactionSlip::kNone;
}

TransactionSlip ScriptTransaction::release(std::string_view name) {
  const std::size_t place = find(name);
  if (place == kNowhere) return TransactionSlip::kNoSavepoint;
  savepoints_.resize(place);
  return TransactionSlip::kNone;
}

TransactionSlip ScriptTransaction::end_of_script() {
  if (!in_block_) return TransactionSlip::kNone;
  (void)roll_back();
  return TransactionSlip::kNeverCommitted;
}

void ScriptTransaction::note(const Statement& statement, const Effects& effects, Facts& facts) {
  now_.note(statement, effects, facts);
}

}  // namespace db_guard::ddl
