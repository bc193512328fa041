// Small text helpers for messages.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// The parts, one after the other.
Text concat(std::initializer_list<std::string_view> parts);

// A template's {names} replaced: fill("DROP TABLE {table};", {{"table", name}}). Braces that hold
// no known name stay as they are.
struct Slot {
  std::string_view name;
  std::string_view value;
};
Text fill(std::string_view pattern, std::initializer_list<Slot> slots);

// "a, b, c"; beyond `most` items "a, b and 7 more".
Text list_of(const Vector<Text>& items, std::size_t most);

// Bytes as pg_size_pretty prints them: "8192 bytes", "41 GB". Rounded half up, units of 1024.
Text pretty_bytes(std::uint64_t bytes);

// Rows as people say them: "about 17 rows", "about 210 million rows"; "an unknown number of rows"
// below 0.
Text pretty_rows(double rows);

// Milliseconds as "250 ms", "12 s", "5 min", "3 h", "2 days".
Text pretty_duration(std::int64_t milliseconds);

// "1 index", "3 indexes".
Text counted(std::size_t count, std::string_view one, std::string_view many);

Text number(std::int64_t value);

// The candidates nearest to `word` by edit distance, nearest first, at most three and none that
// differs in more than half of its letters.
Vector<Text> closest(std::string_view word, const Vector<std::string_view>& candidates);

// Splits at commas and trims blanks; empty items are left out.
Vector<Text> split_list(std::string_view list);

}  // namespace db_guard::core
