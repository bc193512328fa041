// What the server is about to do: which relation gets which lock, and the work under it.
#pragma once

#include "ddl/facts.hpp"

namespace db_guard::ddl {

struct Effect {
  Relation relation;
  Lock lock = Lock::kNone;
  bool rewrite = false;
  bool scan = false;
  bool index_build = false;
  bool fk_check = false;
  Text proof;  // what makes a scan unnecessary

  // ONLY on a partitioned table: the parent holds no rows, and an index of its own stays empty.
  [[nodiscard]] bool touches_no_rows() const { return relation.partitioned() && relation.only; }
  [[nodiscard]] bool long_work() const { return rewrite || scan || index_build || fk_check; }
};

// The effect of one action on its own relation. Facts it needed are kept, since they cost a look.
struct ActionEffect : Effect {
  std::optional<Column> column;
  std::optional<NewColumn> added;
  std::optional<TypeChange> type_change;
};

ActionEffect predict(const Action& action, const Relation& relation, Facts& facts);

}  // namespace db_guard::ddl
