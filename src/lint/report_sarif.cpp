// SARIF 2.1.0 (OASIS standard of 27 March 2020).
#include <algorithm>
#include <array>
#include <cstdio>

#include "core/text.hpp"
#include "lint/report_writers.hpp"

namespace db_guard::lint {

namespace {

std::string_view sarif_level(Severity severity) {
  switch (severity) {
    case Severity::kBlock:
      return "error";
    case Severity::kWarn:
      return "warning";
    case Severity::kNote:
    case Severity::kOff:
      break;
  }
  return "note";
}

bool stands_in_a_uri(char c) {
  constexpr std::string_view kSigns = "-._~/!$&'()*+,;=@";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kSigns.find(c) != std::string_view::npos;
}

// A relative path stays one: a colon in its first part would look like a scheme.
Text uri_of(std::string_view file) {
  Text uri;
  if (!file.empty() && file.front() == '/') uri = "file://";
  for (const char c : file) {
    if (stands_in_a_uri(c)) {
      uri.push_back(c);
      continue;
    }
    std::array<char, 8> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", unsigned(static_cast<unsigned char>(c)));
    uri.append(code.data());
  }
  return uri;
}

void write_message(JsonWriter& json, std::string_view key, std::string_view text) {
  json.open(key, '{');
  json.member("text", text);
  json.close('}');
}

void write_rule(JsonWriter& json, const ReportedRule& rule) {
  json.open('{');
  json.member("id", rule.slug);
  write_message(json, "shortDescription", rule.title);
  write_message(json, "fullDescription", rule.what);
  if (!rule.advice.empty()) write_message(json, "help", rule.advice);
  json.open("defaultConfiguration", '{');
  json.member("level", sarif_level(rule.severity));
  json.close('}');
  json.close('}');
}

void write_location(JsonWriter& json, const ReportedFinding& finding) {
  if (finding.file.empty()) return;
  json.open("locations", '[');
  json.open('{');
  json.open("physicalLocation", '{');
  json.open("artifactLocation", '{');
  json.member("uri", uri_of(finding.file));
  json.close('}');
  json.open("region", '{');
  json.member("startLine", finding.line);
  json.close('}');
  json.close('}');
  json.close('}');
  json.close(']');
}

void write_result(JsonWriter& json, const ReportedFinding& finding, std::int64_t rule,
                  std::string_view fingerprint) {
  json.open('{');
  json.member("ruleId", finding.rule);
  if (rule >= 0) json.member("ruleIndex", rule);
  json.member("level", sarif_level(finding.severity));
  const Text more = explanation(finding);
  write_message(json, "message", core::concat({finding.message, more.empty() ? "" : "\n", more}));
  write_location(json, finding);
  json.open("partialFingerprints", '{');
  json.member("dbGuard/v1", fingerprint);
  json.close('}');
  json.open("properties", '{');
  json.member("statement", finding.statement);
  json.member("line", finding.line);
  if (!finding.object.empty()) json.member("object", finding.object);
  json.close('}');
  json.close('}');
}

std::int64_t index_of(const Vector<ReportedRule>& rules, std::string_view slug) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const ReportedRule& rule) { return rule.slug == slug; });
  return found == rules.end() ? -1 : found - rules.begin();
}

void write_driver(JsonWriter& json, const Vector<ReportedRule>& rules, std::string_view version) {
  json.open("tool", '{');
  json.open("driver", '{');
  json.member("name", "db_guard");
  json.member("version", version);
  json.open("rules", '[');
  for (const ReportedRule& rule : rules) write_rule(json, rule);
  json.close(']');
  json.close('}');
  json.close('}');
}

}  // namespace

Text write_sarif(const Vector<ReportedFinding>& findings, const Vector<ReportedRule>& rules,
                 std::string_view version) {
  const Vector<Text> prints = fingerprints(findings);
  JsonWriter json;
  json.open('{');
  json.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
  json.member("version", "2.1.0");
  json.open("runs", '[');
  json.open('{');
  write_driver(json, rules, version);
  json.open("results", '[');
  for (std::size_t i = 0; i < findings.size(); i++) {
    write_result(json, findings[i], index_of(rules, findings[i].rule), prints[i]);
  }
  json.close(']');
  json.close('}');
  json.close(']');
  json.close('}');
  return json.take();
}

}  // namespace db_guard::lint
