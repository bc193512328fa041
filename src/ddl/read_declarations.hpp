// What a parse tree declares or grants.
#pragma once

#include "ddl/declaration.hpp"
#include "ddl/translate.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Of a raw utility statement. Nothing where it declares nothing that any rule looks at. Points into
// the text of `source`, which must outlive the result.
Declarations read_declarations(const Node* tree, const Source& source);

}  // namespace db_guard::ddl
