// What findings lead to by the settings of the session. Pure: settings in, decision out.
#pragma once

#include "core/finding.hpp"

namespace db_guard::guard {

using core::Finding;
using core::Text;
using core::Vector;

struct PolicyInput {
  bool blocks = true;       // mode = block
  bool warns = true;        // mode = block or warn
  std::string_view allow;   // db_guard.allow
  std::string_view reason;  // db_guard.allow_reason
  bool require_reason = false;
  bool may_override = true;
  std::string_view override_role;
};

enum class Verdict : unsigned char { kPass, kWarn, kBlock };

struct Decision {
  Verdict verdict = Verdict::kPass;
  Vector<Finding> findings;     // those that count, worst first
  Text allowed;                 // db_guard.allow as it is, for the hint to add to
  bool overridden = false;      // db_guard.allow let at least one pass
  Text why_not_allowed;         // db_guard.allow names a rule and still does not count
  Text reserved_for;            // the role whose members may override; empty where this session may
  bool outside_blocks = false;  // the statement cannot run in a transaction block
};

Decision decide(const Vector<Finding>& findings, const PolicyInput& input);

}  // namespace db_guard::guard
