// Netstrings of any bytes: what is read joins to a text that reads the same, no part holds more
// than the text, and whatever was joined comes apart as it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/netstrings.hpp"

using namespace db_guard;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_reading(std::string_view text) {
  const auto parts = core::split_netstrings(text);
  if (!parts) return;
  std::size_t size = 0;
  for (const core::Text& part : *parts) size += part.size() + 2;
  require(size <= text.size());
  require(core::split_netstrings(core::join_netstrings(*parts)) == parts);
}

// Cut at every byte that equals the first.
void check_joining(std::string_view text) {
  core::Vector<core::Text> parts;
  const char separator = text.empty() ? '\0' : text.front();
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(separator, start + 1), text.size());
    parts.emplace_back(text.substr(start, end - start));
    start = end;
  }
  const core::Text joined = core::join_netstrings(parts);
  require(core::split_netstrings(joined) == parts);
  for (std::size_t cut = 0; cut < std::min<std::size_t>(joined.size(), 64); cut++) {
    check_reading(std::string_view(joined).substr(0, cut));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_reading(text);
  check_joining(text);
  return 0;
}
