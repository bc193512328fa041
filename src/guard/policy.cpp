#include "guard/policy.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace db_guard::guard {

namespace {

using core::concat;
using core::Severity;

bool names(const Vector<Text>& allowed, std::string_view rule) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const Text& item) { return item == "all" || item == rule; });
}

Text objection(const PolicyInput& input) {
  if (!input.may_override) {
    return concat({"db_guard.allow is set, but only members of role \"", input.override_role,
                   "\" (db_guard.override_role) may use it."});
  }
  if (input.require_reason && input.reason.find_first_not_of(' ') == std::string_view::npos) {
    return Text(
        "db_guard.allow is set, but db_guard.require_reason is on and db_guard.allow_reason is "
        "empty.");
  }
  return {};
}

Verdict verdict_of(Severity severity, const PolicyInput& input) {
  if (severity == Severity::kNote || !input.warns) return Verdict::kPass;
  return severity == Severity::kBlock && input.blocks ? Verdict::kBlock : Verdict::kWarn;
}

}  // namespace

Decision decide(const Vector<Finding>& findings, const PolicyInput& input) {
  Decision decision;
  decision.allowed = input.allow;
  if (!input.may_override) decision.reserved_for = input.override_role;
  const Vector<Text> allowed = core::split_list(input.allow);
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kOff) continue;
    if (names(allowed, finding.rule)) {
      decision.why_not_allowed = objection(input);
      if (decision.why_not_allowed.empty()) {
        // A note needs nobody's leave; to allow it is not to hear of it.
        if (finding.severity != Severity::kNote) decision.overridden = true;
        continue;
      }
    }
    decision.verdict = std::max(decision.verdict, verdict_of(finding.severity, input));
    decision.findings.push_back(finding);
  }
  return decision;
}

}  // namespace db_guard::guard
