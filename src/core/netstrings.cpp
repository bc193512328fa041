#include "core/netstrings.hpp"

#include "core/text.hpp"

namespace db_guard::core {

namespace {

// Far below where the arithmetic could overflow, far above what fits into a key.
constexpr std::size_t kMostDigits = 9;

}  // namespace

Text join_netstrings(const Vector<Text>& parts) {
  Text result;
  for (const Text& part : parts) {
    result.append(concat({number(std::int64_t(part.size())), ":", part}));
  }
  return result;
}

std::optional<Vector<Text>> split_netstrings(std::string_view text) {
  Vector<Text> parts;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos || colon > kMostDigits) return std::nullopt;
    std::size_t length = 0;
    for (const char digit : text.substr(0, colon)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      length = length * 10 + std::size_t(digit - '0');
    }
    text.remove_prefix(colon + 1);
    if (length > text.size()) return std::nullopt;
    parts.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return parts;
}

}  // namespace db_guard::core
