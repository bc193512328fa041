// What the server is about to do: which relation gets which lock, and the work under it.
#pragma once

#include "ddl/facts.hpp"

namespace db_guard::ddl {

struct Work {
  bool rewrite = false;
  bool scan = false;
  bool index_build = false;
  bool fk_check = false;
  Text proof;  // what makes a scan unnecessary

  [[nodiscard]] bool is_long() const { return rewrite || scan || index_build || fk_check; }
};

// On one relation that exists before the statement.
struct Effect : Work {
  std::uint32_t relation = 0;
  Lock lock = Lock::kNone;
};

// An object that goes away with one that the statement names.
struct Loss {
  Text kind;                   // "view", "table constraint", as the server's messages call it
  Text name;                   // qualified and quoted
  std::uint32_t relation = 0;  // where it is one, or a column of one
};

struct Effects {
  Vector<Effect> relations;  // in the order in which the server locks them
  // Of CASCADE; of DROP OWNED all that the roles own.
  Vector<Loss> losses;
  Vector<Work> actions;  // what each action of the statement calls for by itself

  // A relation that the statement leaves alone: no lock.
  [[nodiscard]] Effect on(std::uint32_t relation) const {
    for (const Effect& effect : relations) {
      if (effect.relation == relation) return effect;
    }
    Effect none;
    none.relation = relation;
    return none;
  }
};

// Who knows what the server will do: the room `effects`, or a test.
class Predictor {
 public:
  virtual ~Predictor() = default;
  // Throws Refused where the server will refuse the statement before it takes a lock.
  virtual Effects predict(const Statement& statement) = 0;
};

}  // namespace db_guard::ddl
