// Texts as std::string, which GoogleTest prints as text.
#pragma once

#include <string>
#include <vector>

#include "core/memory.hpp"

namespace db_guard {

using Strings = std::vector<std::string>;

inline std::string readable(const core::Text& text) { return {text.data(), text.size()}; }

inline Strings readable(const core::Vector<core::Text>& texts) {
  Strings result;
  for (const core::Text& text : texts) result.push_back(readable(text));
  return result;
}

}  // namespace db_guard
