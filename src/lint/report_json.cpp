#include "core/text.hpp"
#include "lint/report_writers.hpp"

namespace db_guard::lint {

Text write_json(const Vector<ReportedFinding>& findings) {
  const Vector<Text> prints = fingerprints(findings);
  JsonWriter json;
  json.open('[');
  for (std::size_t i = 0; i < findings.size(); i++) {
    const ReportedFinding& finding = findings[i];
    json.open('{');
    if (!finding.file.empty()) json.member("file", finding.file);
    json.member("statement", finding.statement);
    json.member("line", finding.line);
    json.member("rule", finding.rule);
    json.member("severity", core::severity_name(finding.severity));
    if (!finding.object.empty()) json.member("object", finding.object);
    json.member("message", finding.message);
    json.member("detail", finding.detail);
    json.open("safe_sql", '[');
    for (const Text& step : finding.safe_sql) json.item(step);
    json.close(']');
    json.member("fingerprint", prints[i]);
    json.close('}');
  }
  json.close(']');
  return json.take();
}

namespace {

std::string_view gitlab_severity(Severity severity) {
  switch (severity) {
    case Severity::kBlock:
      return "blocker";
    case Severity::kWarn:
      return "minor";
    case Severity::kNote:
    case Severity::kOff:
      break;
  }
  return "info";
}

}  // namespace

Text write_gitlab(const Vector<ReportedFinding>& findings) {
  const Vector<Text> prints = fingerprints(findings);
  JsonWriter json;
  json.open('[');
  for (std::size_t i = 0; i < findings.size(); i++) {
    const ReportedFinding& finding = findings[i];
    json.open('{');
    json.member("description", finding.message);
    json.member("check_name", finding.rule);
    json.member("fingerprint", prints[i]);
    json.member("severity", gitlab_severity(finding.severity));
    json.open("content", '{');
    json.member("body", explanation(finding));
    json.close('}');
    json.open("location", '{');
    // GitLab refuses an entry without a path.
    json.member("path", finding.file.empty() ? "-" : finding.file);
    json.open("lines", '{');
    json.member("begin", finding.line);
    json.close('}');
    json.close('}');
    json.close('}');
  }
  json.close(']');
  return json.take();
}

}  // namespace db_guard::lint
