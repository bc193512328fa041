// Findings as the server's message, DETAIL and HINT. Pure.
#pragma once

#include "core/error.hpp"
#include "ddl/facts.hpp"
#include "guard/policy.hpp"

namespace db_guard::guard {

struct Message {
  Text message;
  Text detail;
  Text hint;
};

// For one finding that only warns or notes.
Message describe(const Finding& finding);

// For the error: every finding that blocks, worst first, who is in the way now, the safe way of the
// first, and how to go on nevertheless.
Message describe(const Decision& decision, const Vector<ddl::Session>& in_the_way);

}  // namespace db_guard::guard
