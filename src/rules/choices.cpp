#include "rules/choices.hpp"

#include <algorithm>

namespace db_guard::rules {

namespace {

constexpr std::string_view kEveryPack = "all";
constexpr std::size_t kNoPack = std::size(kPacks);

std::size_t find_pack(std::string_view name) {
  return std::size_t(std::find(std::begin(kPacks), std::end(kPacks), name) - std::begin(kPacks));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes the first item off the list.
std::string_view take_item(std::string_view& list) {
  const auto comma = std::min(list.find(','), list.size());
  const std::string_view item = trim(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return item;
}

}  // namespace

bool PackSet::has(std::string_view family) const {
  const std::size_t pack = find_pack(family);
  return pack == kNoPack || (bits_ >> pack & 1U) != 0;
}

PackSet packs_of(std::string_view list) noexcept {
  PackSet packs;
  while (!list.empty()) {
    const std::string_view item = take_item(list);
    if (item == kEveryPack) return PackSet::all();
    const std::size_t pack = find_pack(item);
    if (pack != kNoPack) packs.add(pack);
  }
  return packs;
}

std::string_view unknown_pack(std::string_view list) noexcept {
  while (!list.empty()) {
    const std::string_view item = take_item(list);
    if (!item.empty() && item != kEveryPack && find_pack(item) == kNoPack) return item;
  }
  return {};
}

}  // namespace db_guard::rules
