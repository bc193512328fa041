// What the translator's families of commands share.
#pragma once

#include "ddl/statement.hpp"
#include "ddl/translate.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace db_guard::ddl {

Text text_of(const char* text);  // null: empty
ObjectName name_of(const RangeVar* relation);
// A qualified name as a list of strings; a catalog in front is the current one or the server
// refuses.
ObjectName name_of(const List* names);
Vector<Text> strings_of(const List* names);

void translate_alter_table(const AlterTableStmt* tree, const Source& source, Statement& statement);

}  // namespace db_guard::ddl
