// split_list, closest and fill on any bytes.
#include <cstdint>
#include <cstdlib>

#include "core/text.hpp"

using namespace db_guard;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// Items are trimmed and not empty, and splitting what was joined gives the same again.
void check_list(std::string_view list) {
  const core::Vector<core::Text> items = core::split_list(list);
  core::Text joined;
  for (const core::Text& item : items) {
    require(!item.empty() && item.find(',') == core::Text::npos);
    require(std::string_view(" \t\r\n").find(item.front()) == std::string_view::npos);
    require(std::string_view(" \t\r\n").find(item.back()) == std::string_view::npos);
    joined.append(item).append(" ,");
  }
  require(core::split_list(joined) == items);
}

// At most three, all of them candidates, and the word itself first when it is one.
void check_closest(std::string_view word) {
  const core::Vector<std::string_view> candidates = {"drop-column", "rename-column", word,
                                                     word.substr(0, word.size() / 2)};
  const core::Vector<core::Text> found = core::closest(word, candidates);
  require(!found.empty() && found.size() <= 3 && found.front() == word);
  for (const core::Text& text : found) {
    bool known = false;
    for (const auto candidate : candidates) known = known || text == candidate;
    require(known);
  }
}

// Without a known name in it a template stays as it is; with one it grows by the value.
void check_fill(std::string_view pattern) {
  require(core::fill(pattern, {{"no such name, since it has a comma", "x"}}) == pattern ||
          pattern.find("no such name") != std::string_view::npos);
  const core::Text around = core::concat({"{name}", pattern});
  const core::Text filled = core::fill(around, {{"name", "value"}});
  require(filled.compare(0, 5, "value") == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_list(bytes);
  check_closest(bytes.substr(0, 512));
  check_fill(bytes);
  return 0;
}
