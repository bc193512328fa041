// Findings as a text that people, or the services they review with, can read. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "lint/reported_finding.hpp"

namespace db_guard::lint {

enum class ReportFormat : std::uint8_t { kText, kJson, kSarif, kGithub, kGitlab };

inline constexpr std::string_view kReportFormats = "text, json, sarif, github, gitlab";

std::optional<ReportFormat> find_format(std::string_view name);

// A rule or notice, as SARIF wants to have them explained.
struct ReportedRule {
  std::string_view slug;
  Severity severity;
  std::string_view title;
  std::string_view what;
  std::string_view advice;  // may be empty
};

Text write_report(ReportFormat format, const Vector<ReportedFinding>& findings,
                  const Vector<ReportedRule>& rules, std::string_view version);

// One for each finding, none twice: made of file, rule, object and statement without its layout, so
// that it stays when lines move.
Vector<Text> fingerprints(const Vector<ReportedFinding>& findings);

}  // namespace db_guard::lint
