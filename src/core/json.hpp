// JSON as text. Strings pass through in the database's encoding, which is what jsonb's input wants.
#pragma once

#include <string_view>

#include "core/finding.hpp"

namespace db_guard::core {

void append_json_string(Text& json, std::string_view text);
void append_json_number(Text& json, double number);

// [{"rule": ..., "severity": ..., "object": ..., "message": ..., evidence ...}, ...]
Text findings_json(const Vector<Finding>& findings);

}  // namespace db_guard::core
