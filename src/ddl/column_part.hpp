// What ADD COLUMN says of the column behind its type, part by part, as typed.
#pragma once

#include <cstdint>

#include "core/memory.hpp"

namespace db_guard::ddl {

enum class PartKind : std::uint8_t {
  kCheck,
  kDefault,
  kGenerated,
  kIdentity,
  kKey,  // UNIQUE, PRIMARY KEY
  kNotNull,
  kNull,
  kReferences,
};

struct ColumnPart {
  PartKind kind = PartKind::kNull;
  core::Text constraint;  // raw; empty: the server chooses
  // From its keyword to its last word, without "CONSTRAINT name"; empty where the text of the
  // statement is not known.
  core::Text sql;
  bool enforced = true;
};

}  // namespace db_guard::ddl
