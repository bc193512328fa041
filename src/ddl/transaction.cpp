#include "ddl/transaction.hpp"

#include <algorithm>
#include <type_traits>

#include "ddl/effects.hpp"

namespace db_guard::ddl {

static_assert(std::is_trivially_copyable_v<Transaction>,
              "the guard's own has no destructor to run");

namespace {

bool adds_foreign_key(const Action& action) {
  const bool column = action.kind == ActionKind::kAddColumn && !action.other.name.empty();
  return column || action.kind == ActionKind::kAddForeignKey;
}

bool changes_rows(const Statement& statement) {
  constexpr std::string_view kTags[] = {"COPY FROM", "DELETE", "INSERT", "MERGE", "UPDATE"};
  return std::find(std::begin(kTags), std::end(kTags), std::string_view(statement.tag)) !=
         std::end(kTags);
}

}  // namespace

Touched* Transaction::touch(std::uint32_t relation) {
  for (Touched& touched : *this) {
    if (touched.relation == relation) return &touched;
  }
  if (count_ == kMost) return nullptr;
  touched_[count_] = Touched{};
  touched_[count_].relation = relation;
  return &touched_[count_++];
}

void Transaction::note(const Statement& statement, const Effects& effects, Facts& facts) {
  for (const Effect& effect : effects.relations) {
    if (!blocks_writes(effect.lock)) continue;
    Touched* touched = touch(effect.relation);
    if (touched != nullptr) touched->lock = std::max(touched->lock, effect.lock);
  }
  for (const Action& action : statement.actions) {
    const bool disables = action.kind == ActionKind::kDisableTriggers;
    const bool enables = action.kind == ActionKind::kChangeTriggers;
    if (!adds_foreign_key(action) && !disables && !enables) continue;
    const auto relation = facts.relation(action.target);
    Touched* touched = relation ? touch(relation->id) : nullptr;
    if (touched == nullptr) continue;
    touched->foreign_keys_added |= adds_foreign_key(action);
    // Of a script nothing else tells that they are enabled again.
    touched->triggers_disabled =
        disables || (touched->triggers_disabled && !(enables && predicted));
  }
  if (predicted && changes_rows(statement)) note_rows(effects, facts);
}

// How many rows it will be only the run can tell; what reads the whole table is taken to change it.
void Transaction::note_rows(const Effects& effects, Facts& facts) {
  for (const Effect& effect : effects.relations) {
    if (effect.lock != Lock::kRowExclusive || !effect.scan) continue;
    if (!blocks_writes(lock_on(effect.relation))) continue;
    auto relation = facts.relation_by_id(effect.relation);
    if (!relation) continue;
    relation->only = true;
    touch(effect.relation)->bytes_written += facts.size(*relation).bytes;
  }
}

Lock Transaction::lock_on(std::uint32_t relation) const {
  for (const Touched& touched : *this) {
    if (touched.relation == relation) return touched.lock;
  }
  return Lock::kNone;
}

bool Transaction::holds_locks() const {
  return std::any_of(begin(), end(),
                     [](const Touched& touched) { return blocks_writes(touched.lock); });
}

}  // namespace db_guard::ddl
