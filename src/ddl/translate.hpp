// The one translator from the server's parse trees to ddl::Statement.
#pragma once

#include "ddl/statement.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace db_guard::ddl {

// Where a parse tree was parsed from. Node locations count from the start of `source`.
struct Source {
  const char* text = nullptr;  // null where it is not known
  int location = 0;            // of the statement
  int length = 0;              // 0: to the end

  [[nodiscard]] std::string_view statement() const;
};

// A raw utility statement. Its actions point into `tree`, which must outlive the result. Commands
// that no rule looks at give a statement without actions.
Statement translate(const Node* tree, std::string_view tag, const Source& source);

}  // namespace db_guard::ddl
