#include "guard/message.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace db_guard::guard {

namespace {

using core::concat;
using core::Severity;

// A partitioned table has steps for each partition, a key for each nullable column; more than a
// screen of them hides the message.
// All of them are in the finding for whoever asks by function.
constexpr std::size_t kMostSteps = 24;

// Steps repeat expressions of the statement, which may be as long as it likes.
constexpr std::size_t kLongestHint = 32 * 1024;

// One statement may have a finding for each of 1,600 columns.
constexpr std::size_t kMostFindings = 10;

void append_indented(Text& text, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    text.append("\n  ").append(lines.substr(0, end));
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
  }
}

Text steps_text(const Vector<Text>& steps) {
  if (steps.empty()) return {};
  Text text(steps.size() == 1 ? "Instead:"
                              : "Instead, step by step, each committed before the next:");
  std::size_t shown = 0;
  while (shown < steps.size() && shown < kMostSteps &&
         text.size() + steps[shown].size() <= kLongestHint) {
    append_indented(text, steps[shown++]);
  }
  if (shown < steps.size()) {
    append_indented(text, concat({"-- and so on: ",
                                  core::counted(steps.size() - shown, "more step", "more steps")}));
  }
  return text;
}

Text detail_of(const Finding& finding) {
  return concat({"db_guard rule ", finding.rule, ": ", finding.detail});
}

bool blocks_first(const Vector<Finding>& findings, std::size_t index) {
  if (findings[index].severity != Severity::kBlock) return false;
  for (std::size_t i = 0; i < index; i++) {
    if (findings[i].rule == findings[index].rule) return false;
  }
  return true;
}

// What db_guard.allow has to say: what it says already, and the rules that block, each once.
Text rules_to_allow(const Decision& decision) {
  Text rules = decision.why_not_allowed.empty() ? decision.allowed : Text();
  for (std::size_t i = 0; i < decision.findings.size(); i++) {
    if (!blocks_first(decision.findings, i)) continue;
    rules.append(rules.empty() ? "" : ",").append(decision.findings[i].rule);
  }
  return rules;
}

// To allow it would not make it run.
bool is_hopeless(const Decision& decision) {
  return std::any_of(decision.findings.begin(), decision.findings.end(),
                     [](const Finding& finding) { return finding.hopeless; });
}

Text way_out(const Text& allow, bool outside_blocks) {
  if (outside_blocks) {
    return concat({"To run it all the same: SET ", allow,
                   "; SET db_guard.allow_reason = '...'; then the statement, and RESET "
                   "db_guard.allow; RESET db_guard.allow_reason;"});
  }
  return concat({"To run it all the same: BEGIN; SET LOCAL ", allow,
                 "; SET LOCAL db_guard.allow_reason = '...'; then the statement, and COMMIT;"});
}

}  // namespace

Message describe(const Finding& finding) {
  return {finding.message, detail_of(finding), steps_text(finding.safe_sql)};
}

Message describe(const Decision& decision) {
  Message message = describe(decision.findings.front());
  // Not every finding has a way of its own.
  for (std::size_t i = 1; i < decision.findings.size() && message.hint.empty(); i++) {
    const Finding& finding = decision.findings[i];
    if (finding.severity != Severity::kNote) message.hint = steps_text(finding.safe_sql);
  }
  std::size_t left_out = 0;
  for (std::size_t i = 1; i < decision.findings.size(); i++) {
    const Finding& finding = decision.findings[i];
    if (finding.severity == Severity::kNote) continue;
    if (i < kMostFindings) {
      message.detail.append(concat({"\nAlso, ", finding.message, ".\n", detail_of(finding)}));
    } else {
      left_out++;
    }
  }
  if (left_out > 0) {
    message.detail.append(
        concat({"\nAnd ", core::counted(left_out, "more finding", "more findings"),
                " (see findings in db_guard.ddl_log)."}));
  }
  if (!decision.why_not_allowed.empty()) {
    message.detail.append("\n").append(decision.why_not_allowed);
  }
  if (is_hopeless(decision)) return message;
  const Text rules = rules_to_allow(decision);
  // Some safe ways end in the statement itself, overridden once the code is ready for it.
  const Text allow = concat({"db_guard.allow = '", rules, "'"});
  if (message.hint.find(allow) != Text::npos && decision.reserved_for.empty()) return message;
  if (!message.hint.empty()) message.hint.append("\n");
  if (!decision.reserved_for.empty()) {
    message.hint.append(
        concat({"Members of role \"", decision.reserved_for, "\" may run it all the same."}));
    return message;
  }
  message.hint.append(way_out(allow, decision.outside_blocks));
  return message;
}

}  // namespace db_guard::guard
