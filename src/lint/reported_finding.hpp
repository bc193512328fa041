// A finding as it is told to the reader of a script. Pure.
#pragma once

#include "core/finding.hpp"

namespace db_guard::lint {

using core::Severity;
using core::Text;
using core::Vector;

struct ReportedFinding {
  std::string_view file;  // empty where the script has no name
  int statement = 0;      // number in its script, from 1; 0: about no statement
  int line = 1;           // in its file
  Text rule;              // of db_guard.rules, or a notice (lint/notices.hpp)
  Severity severity = Severity::kNote;
  Text object;  // qualified and quoted; empty where there is none
  Text message;
  Text detail;
  Vector<Text> safe_sql;
  std::string_view text;  // of the statement
};

}  // namespace db_guard::lint
