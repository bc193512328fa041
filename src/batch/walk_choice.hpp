// Which way a batch job goes through a table, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::batch {

enum class Walk { kAuto, kStride, kKeyset, kPages };

std::optional<Walk> walk_by_name(std::string_view name);
std::string_view walk_name(Walk walk);

// What decides it.
struct Traits {
  bool deletes = false;
  // A unique index over columns that are NOT NULL and not changed.
  bool has_key = false;
  bool has_where = false;
  // Whether its rows have places that the server's own storage knows.
  bool is_heap = true;
  // An index that has to follow the change; empty for none.
  core::Text changed_index;
  // Neighbours in the order of the key lie on the same page: between -1 and 1.
  double correlation = 1;
  double rows_per_page = 0;
  std::int64_t pages = 0;
  // What keeps dead rows from being pruned; empty for nothing.
  core::Text held_horizon;
};

struct Choice {
  Walk walk = Walk::kKeyset;
  int passes = 1;
  core::Text reason;
};

// Throws core::Error where nothing keeps rows from being changed twice, or where the wanted walk
// cannot be had.
Choice choose_walk(const Traits& traits, Walk wanted);

}  // namespace db_guard::batch
