#include "lint/allowances.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "lint/notices.hpp"

namespace db_guard::lint {

using core::concat;
using core::Suppression;

namespace {

constexpr std::string_view kAll = "all";

ReportedFinding notice(const Notice& kind, const Suppression& comment, std::string_view file,
                       Text message) {
  ReportedFinding finding;
  finding.file = file;
  finding.line = comment.first_line;
  finding.rule = kind.slug;
  finding.severity = kind.severity;
  finding.message = std::move(message);
  finding.detail = kind.what;
  return finding;
}

// Why the comment does not count; empty where it does.
Text objection(const Suppression& comment, bool (*is_rule)(std::string_view)) {
  if (comment.rules.empty()) return Text("this comment is no suppression: it names no rule");
  for (const Text& rule : comment.rules) {
    if (rule != kAll && !is_rule(rule)) {
      return concat({"this suppression names a rule that does not exist: ", rule});
    }
  }
  if (!comment.reason.empty()) return {};
  return concat({"this suppression of ", core::list_of(comment.rules, 5),
                 " gives no reason, and does not count"});
}

}  // namespace

Allowances::Allowances(std::string_view text, int first_line, Vector<ReportedFinding>& findings)
    : findings_(findings), comments_(core::find_suppressions(text)) {
  for (Suppression& comment : comments_) {
    comment.first_line += first_line - 1;
    comment.last_line += first_line - 1;
  }
}

void Allowances::end_statement(int line, std::string_view statement) {
  if (comments_.empty()) return;
  const auto breaks = std::count(statement.begin(), statement.end(), '\n');
  stretches_.push_back({line, line + int(breaks), first_finding_, findings_.size()});
}

Allowances::Part Allowances::stretches_of(const Suppression& comment) const {
  const auto first =
      std::partition_point(stretches_.begin(), stretches_.end(), [&](const Stretch& stretch) {
        return stretch.last_line < comment.first_line;
      });
  if (first == stretches_.end()) return {0, 0};
  const int last_line = std::max(comment.last_line, first->first_line);
  const auto end = std::find_if(first, stretches_.end(), [&](const Stretch& stretch) {
    return stretch.first_line > last_line;
  });
  return {std::size_t(first - stretches_.begin()), std::size_t(end - stretches_.begin())};
}

bool Allowances::allow(std::string_view rule, Part part) {
  bool used = false;
  for (std::size_t i = part.first; i < part.end; i++) {
    for (std::size_t k = stretches_[i].first_finding; k < stretches_[i].end_finding; k++) {
      Text& found = findings_[k].rule;
      if (found.empty() || (rule != kAll && found != rule)) continue;
      found.clear();
      used = true;
    }
  }
  return used;
}

void Allowances::apply(std::string_view file, bool (*is_rule)(std::string_view)) {
  Vector<ReportedFinding> notices;
  for (const Suppression& comment : comments_) {
    Text problem = objection(comment, is_rule);
    if (!problem.empty()) {
      notices.push_back(notice(kBadSuppression, comment, file, std::move(problem)));
      continue;
    }
    const Part part = stretches_of(comment);
    for (const Text& rule : comment.rules) {
      if (allow(rule, part)) continue;
      notices.push_back(notice(kUnusedSuppression, comment, file,
                               concat({"this suppression of ", rule, " allows nothing"})));
    }
  }
  for (ReportedFinding& finding : notices) findings_.push_back(std::move(finding));
}

void drop_allowed(Vector<ReportedFinding>& findings) {
  findings.erase(
      std::remove_if(findings.begin(), findings.end(),
                     [](const ReportedFinding& finding) { return finding.rule.empty(); }),
      findings.end());
}

}  // namespace db_guard::lint
