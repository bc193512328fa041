#include "core/text.hpp"
#include "lint/report_writers.hpp"

namespace db_guard::lint {

namespace {

using core::concat;
using core::number;

void append_indented(Text& text, std::string_view lines, std::string_view indent) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    text.append(indent).append(lines.substr(0, end)).append("\n");
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
  }
}

Text summary(const Vector<ReportedFinding>& findings) {
  if (findings.empty()) return Text("No findings.\n");
  std::size_t counts[3] = {};
  for (const ReportedFinding& finding : findings) counts[std::size_t(finding.severity)]++;
  Text text = core::counted(findings.size(), "finding", "findings");
  const char* mark = ": ";
  for (const Severity severity : {Severity::kBlock, Severity::kWarn, Severity::kNote}) {
    const std::size_t count = counts[std::size_t(severity)];
    if (count == 0) continue;
    text.append(concat({mark, number(std::int64_t(count)), " ", core::severity_name(severity)}));
    mark = ", ";
  }
  return text.append(".\n");
}

}  // namespace

Text explanation(const ReportedFinding& finding) {
  Text text = finding.detail;
  if (finding.safe_sql.empty()) return text;
  if (!text.empty()) text.append("\n");
  text.append(finding.safe_sql.size() == 1
                  ? "Instead:"
                  : "Instead, step by step, each committed before the next:");
  for (const Text& step : finding.safe_sql) text.append("\n").append(step);
  return text;
}

Text write_text(const Vector<ReportedFinding>& findings) {
  Text text;
  for (const ReportedFinding& finding : findings) {
    if (!finding.file.empty()) text.append(finding.file).append(":");
    text.append(concat({finding.file.empty() ? "line " : "", number(finding.line), ": ",
                        core::severity_name(finding.severity), ": ", finding.message, " [",
                        finding.rule, "]\n"}));
    append_indented(text, finding.detail, "  ");
    if (!finding.safe_sql.empty()) {
      text.append(finding.safe_sql.size() == 1
                      ? "  Instead:\n"
                      : "  Instead, step by step, each committed before the next:\n");
    }
    for (const Text& step : finding.safe_sql) append_indented(text, step, "    ");
    text.append("\n");
  }
  return text.append(summary(findings));
}

namespace {

// GitHub reads a command a line; what would end it, or a property of it, is written as a code.
void append_escaped(Text& text, std::string_view value, bool is_property) {
  for (const char c : value) {
    if (c == '%') {
      text.append("%25");
    } else if (c == '\r') {
      text.append("%0D");
    } else if (c == '\n') {
      text.append("%0A");
    } else if (is_property && c == ':') {
      text.append("%3A");
    } else if (is_property && c == ',') {
      text.append("%2C");
    } else {
      text.push_back(c);
    }
  }
}

std::string_view github_command(Severity severity) {
  switch (severity) {
    case Severity::kBlock:
      return "::error ";
    case Severity::kWarn:
      return "::warning ";
    case Severity::kNote:
    case Severity::kOff:
      break;
  }
  return "::notice ";
}

}  // namespace

Text write_github(const Vector<ReportedFinding>& findings) {
  Text text;
  for (const ReportedFinding& finding : findings) {
    text.append(github_command(finding.severity));
    if (!finding.file.empty()) {
      text.append("file=");
      append_escaped(text, finding.file, true);
      text.append(concat({",line=", number(finding.line), ","}));
    }
    text.append("title=");
    append_escaped(text, finding.rule, true);
    text.append("::");
    Text message = finding.message;
    const Text more = explanation(finding);
    if (!more.empty()) message.append("\n").append(more);
    append_escaped(text, message, false);
    text.append("\n");
  }
  return text;
}

}  // namespace db_guard::lint
