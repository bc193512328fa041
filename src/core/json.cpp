#include "core/json.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "core/text.hpp"

namespace db_guard::core {

namespace {

void append_escaped(Text& json, char c) {
  switch (c) {
    case '"':
      json.append("\\\"");
      return;
    case '\\':
      json.append("\\\\");
      return;
    case '\n':
      json.append("\\n");
      return;
    case '\t':
      json.append("\\t");
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) >= 0x20) {
    json.push_back(c);
    return;
  }
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
  json.append(buffer.data());
}

void append_member(Text& json, std::string_view key, std::string_view value) {
  if (json.back() != '{') json.append(", ");
  append_json_string(json, key);
  json.append(": ");
  append_json_string(json, value);
}

// Where a rule has no way to offer there is no member, nor for what nobody has to do: most entries
// stay short.
void append_steps(Text& json, const Vector<Text>& steps) {
  if (steps.empty()) return;
  json.append(", \"safe_sql\": [");
  for (const Text& step : steps) {
    if (json.back() != '[') json.append(", ");
    append_json_string(json, step);
  }
  json.push_back(']');
}

void append_evidence(Text& json, const Evidence& evidence) {
  if (!evidence.is_number) {
    append_member(json, evidence.key, evidence.text);
    return;
  }
  json.append(", ");
  append_json_string(json, evidence.key);
  json.append(": ");
  append_json_number(json, evidence.number);
}

}  // namespace

void append_json_string(Text& json, std::string_view text) {
  json.push_back('"');
  for (const char c : text) append_escaped(json, c);
  json.push_back('"');
}

void append_json_number(Text& json, double number) {
  if (!std::isfinite(number)) {
    json.append("null");
    return;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.15g", number);
  json.append(buffer.data());
}

Text findings_json(const Vector<Finding>& findings) {
  Text json("[");
  for (const Finding& finding : findings) {
    if (json.size() > 1) json.append(", ");
    json.push_back('{');
    append_member(json, "rule", finding.rule);
    append_member(json, "severity", severity_name(finding.severity));
    append_member(json, "object", finding.object);
    append_member(json, "message", finding.message);
    for (const Evidence& evidence : finding.evidence) append_evidence(json, evidence);
    if (finding.severity != Severity::kNote) append_steps(json, finding.safe_sql);
    json.push_back('}');
  }
  json.push_back(']');
  return json;
}

}  // namespace db_guard::core
