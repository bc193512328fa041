// Several texts in one, each behind its length: 3:abc0:5:a,b:c.
#pragma once

#include <optional>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

Text join_netstrings(const Vector<Text>& parts);

// Nothing where the text is not of that form.
std::optional<Vector<Text>> split_netstrings(std::string_view text);

}  // namespace db_guard::core
