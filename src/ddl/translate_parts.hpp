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

// The statement as typed, without what follows it; empty where that is not known.
Text text_of_statement(const Source& source);

// A family of commands each; false where the statement is none of theirs.
bool translate_drop(const Node* tree, Statement& statement);
bool translate_naming(const Node* tree, Statement& statement);
bool translate_upkeep(const Node* tree, Statement& statement);
bool translate_creation(const Node* tree, Statement& statement);
bool translate_data_change(const Node* tree, Statement& statement);
bool translate_reindex(const Node* tree, const Source& source, Statement& statement);
bool translate_domain(const Node* tree, const Source& source, Statement& statement);

// DEFERRABLE and the like stand behind the constraint of a column that they are about, as nodes of
// their own.
bool is_attribute(const Constraint* constraint);
// `clause` is the action as typed; empty: the parts are without their text.
Vector<ColumnPart> parts_of(const ColumnDef* definition, const Source& source,
                            std::string_view clause);
void translate_alter_table(const AlterTableStmt* tree, const Source& source, Statement& statement);
// Settings for good and roles; nothing where the command is none of these.
void translate_server_command(const Node* tree, Statement& statement);

}  // namespace db_guard::ddl
