// Findings as the server's message, DETAIL and HINT. Pure.
#pragma once

#include "core/error.hpp"
#include "guard/policy.hpp"

namespace db_guard::guard {

struct Message {
  Text message;
  Text detail;
  Text hint;
};

// For one finding that only warns or notes.
Message describe(const Finding& finding);

// For the error: every finding but notes, worst first, the safe way of the first that has one, and
// how to go on nevertheless.
Message describe(const Decision& decision);

}  // namespace db_guard::guard
