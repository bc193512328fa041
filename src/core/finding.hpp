// What a rule says about a statement.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.hpp"
#include "core/memory.hpp"

namespace db_guard::core {

// Worst first, so that findings sort by it. No rule reports kOff: it is what the policy of the
// database makes of findings that nobody is to be bothered with.
enum class Severity : std::uint8_t { kBlock, kWarn, kNote, kOff };

constexpr std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kBlock:
      return "block";
    case Severity::kWarn:
      return "warn";
    case Severity::kNote:
      return "note";
    case Severity::kOff:
      break;
  }
  return "off";
}

// A number or a name behind the message, for machines: it goes to the log as JSON.
struct Evidence {
  std::string_view key;
  Text text;
  double number = 0;
  bool is_number = false;
};

struct Finding {
  std::string_view rule;
  Severity severity = Severity::kBlock;
  bool rewrites = false;  // the action it is about writes the table anew
  bool hopeless = false;  // allowed or not, the server will refuse the statement
  Text object;            // qualified and quoted
  Text message;           // one line: what happens, to what, how big it is here
  Text detail;            // why it hurts here
  Vector<Text> safe_sql;  // statements, in order, each in a transaction of its own
  Vector<Evidence> evidence;
  Place place;
};

}  // namespace db_guard::core
