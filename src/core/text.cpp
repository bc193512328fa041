#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace db_guard::core {

namespace {

Text format(const char* pattern, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), pattern, value);
  return Text(buffer.data());
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  Vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); i++) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); j++) {
      const std::size_t above = row[j];
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, replaced});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Text concat(std::initializer_list<std::string_view> parts) {
  std::size_t length = 0;
  for (const auto part : parts) length += part.size();
  Text result;
  result.reserve(length);
  for (const auto part : parts) result.append(part);
  return result;
}

Text fill(std::string_view pattern, std::initializer_list<Slot> slots) {
  Text result;
  while (!pattern.empty()) {
    const auto open = std::min(pattern.find('{'), pattern.size());
    result.append(pattern.substr(0, open));
    pattern.remove_prefix(open);
    const auto* slot = std::find_if(slots.begin(), slots.end(), [&](const Slot& candidate) {
      const auto length = candidate.name.size();
      return pattern.size() > length + 1 && pattern.substr(1, length) == candidate.name &&
             pattern[length + 1] == '}';
    });
    const bool found = !pattern.empty() && slot != slots.end();
    if (found) result.append(slot->value);
    const std::size_t taken =
        found ? slot->name.size() + 2 : std::min<std::size_t>(pattern.size(), 1);
    if (!found) result.append(pattern.substr(0, taken));
    pattern.remove_prefix(taken);
  }
  return result;
}

Text list_of(const Vector<Text>& items, std::size_t most) {
  Text result;
  const std::size_t shown = std::min(items.size(), most);
  for (std::size_t i = 0; i < shown; i++) {
    if (i > 0) result.append(", ");
    result.append(items[i]);
  }
  if (items.size() > shown) {
    result.append(concat({" and ", number(std::int64_t(items.size() - shown)), " more"}));
  }
  return result;
}

Text pretty_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {" kB", " MB", " GB", " TB", " PB"};
  if (bytes < 10 * 1024) return concat({number(std::int64_t(bytes)), " bytes"});
  // Halves of a unit, so that rounding half up needs no fractions.
  std::uint64_t halves = bytes / 512;
  std::size_t unit = 0;
  while (halves >= 2 * 10 * 1024 - 1 && unit + 1 < kUnits.size()) {
    halves /= 1024;
    unit++;
  }
  return concat({number(std::int64_t((halves + 1) / 2)), kUnits[unit]});
}

Text pretty_rows(double rows) {
  if (rows < 0) return Text("an unknown number of rows");
  if (rows < 1.5) return Text(rows < 0.5 ? "no rows" : "about 1 row");
  // The limits are where rounding would reach the next unit: never "1000 thousand".
  if (rows < 9999.5) return format("about %.0f rows", rows);
  if (rows < 999.5e3) return format("about %.0f thousand rows", rows / 1e3);
  if (rows < 9.95e6) return format("about %.1f million rows", rows / 1e6);
  if (rows < 999.5e6) return format("about %.0f million rows", rows / 1e6);
  return format("about %.1f billion rows", rows / 1e9);
}

Text pretty_duration(std::int64_t milliseconds) {
  if (milliseconds < 1000) return concat({number(milliseconds), " ms"});
  const std::int64_t seconds = milliseconds / 1000;
  if (seconds < 120) return concat({number(seconds), " s"});
  if (seconds < 2 * 3600) return concat({number(seconds / 60), " min"});
  if (seconds < 48 * 3600) return concat({number(seconds / 3600), " h"});
  return concat({number(seconds / 86400), " days"});
}

Text counted(std::size_t count, std::string_view one, std::string_view many) {
  return concat({number(std::int64_t(count)), " ", count == 1 ? one : many});
}

Text number(std::int64_t value) {
  std::array<char, 24> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%lld", static_cast<long long>(value));
  return Text(buffer.data());
}

Vector<Text> closest(std::string_view word, const Vector<std::string_view>& candidates) {
  struct Match {
    std::size_t distance;
    std::string_view text;
  };
  Vector<Match> matches;
  for (const auto candidate : candidates) {
    const auto [shorter, longer] = std::minmax({word.size(), candidate.size()});
    // The distance is at least the difference in length; a huge word is not worth a table.
    if ((longer - shorter) * 2 > longer) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance * 2 <= longer) {
      matches.push_back({distance, candidate});
    }
  }
  std::stable_sort(matches.begin(), matches.end(),
                   [](const Match& a, const Match& b) { return a.distance < b.distance; });
  Vector<Text> result;
  for (std::size_t i = 0; i < matches.size() && i < 3; i++) {
    result.emplace_back(matches[i].text);
  }
  return result;
}

Vector<Text> split_list(std::string_view list) {
  Vector<Text> result;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view item = trim(list.substr(0, comma));
    if (!item.empty()) result.emplace_back(item);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return result;
}

}  // namespace db_guard::core
