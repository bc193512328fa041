#include "lint/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/fingerprint.hpp"
#include "core/sql_tokens.hpp"
#include "core/text.hpp"
#include "lint/report_writers.hpp"

namespace db_guard::lint {

namespace {

struct Counted {
  std::uint64_t hash;
  std::size_t index;
};

Text hexadecimal(std::uint64_t value) {
  std::array<char, 24> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%016llx", static_cast<unsigned long long>(value));
  return Text(buffer.data());
}

}  // namespace

Vector<Text> fingerprints(const Vector<ReportedFinding>& findings) {
  Vector<Counted> hashes;
  for (const ReportedFinding& finding : findings) {
    const std::uint64_t hash = core::fingerprint_of(
        {finding.file, finding.rule, finding.object, core::without_layout(finding.text)});
    hashes.push_back({hash, hashes.size()});
  }
  // Equal ones are told apart by their order.
  std::sort(hashes.begin(), hashes.end(), [](const Counted& a, const Counted& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.index < b.index;
  });
  Vector<Text> result(findings.size());
  std::uint64_t repeated = 0;
  for (std::size_t i = 0; i < hashes.size(); i++) {
    repeated = i > 0 && hashes[i].hash == hashes[i - 1].hash ? repeated + 1 : 0;
    result[hashes[i].index] =
        core::concat({hexadecimal(hashes[i].hash), repeated > 0 ? "-" : "",
                      repeated > 0 ? core::number(std::int64_t(repeated)) : Text()});
  }
  return result;
}

std::optional<ReportFormat> find_format(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"text", "json", "sarif", "github", "gitlab"};
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ReportFormat>(found - kNames.begin());
}

Text write_report(ReportFormat format, const Vector<ReportedFinding>& findings,
                  const Vector<ReportedRule>& rules, std::string_view version) {
  switch (format) {
    case ReportFormat::kJson:
      return write_json(findings);
    case ReportFormat::kSarif:
      return write_sarif(findings, rules, version);
    case ReportFormat::kGithub:
      return write_github(findings);
    case ReportFormat::kGitlab:
      return write_gitlab(findings);
    case ReportFormat::kText:
      break;
  }
  return write_text(findings);
}

}  // namespace db_guard::lint
