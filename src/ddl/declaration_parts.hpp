// What the readers of declarations share.
#pragma once

#include "ddl/declaration.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Tells where in the statement's text a node of its tree stands.
class Places {
 public:
  explicit Places(const Source& source)
      : start_(source.location), size_(Offset(source.statement().size())) {}
  // Below 0 where that is not known.
  [[nodiscard]] Offset of(int node_location) const {
    const Offset offset = Offset(node_location) - start_;
    return node_location >= 0 && offset < size_ ? offset : -1;
  }

 private:
  Offset start_;
  Offset size_;  // 0 where the text is not known
};

Text quoted(const char* name);
Text quoted(const ObjectName& name);
Identifier identifier_of(const char* name, Offset at);
TypeSpec type_of(const TypeName* type, const Places& places);
// A key or a foreign key; `column` is the one that it stands at, null for one of the whole table.
void declare_constraint(const Constraint* constraint, const ColumnSpec* column, TableSpec& table);
// The column and the constraints that stand at it.
void declare_column(const ColumnDef* definition, const Places& places, TableSpec& table);

Declaration declaration_of(DeclarationKind kind, const ObjectName& name);

// Each adds what the statement declares.
void declare_table(const CreateStmt* tree, const Places& places, Declarations& declarations);
void declare_alterations(const AlterTableStmt* tree, const Places& places,
                         Declarations& declarations);
void declare_grant(const GrantStmt* tree, Declarations& declarations);
// Types, sequences, extensions, functions; nothing where it is none of these.
void declare_other(const Node* tree, const Places& places, Declarations& declarations);

}  // namespace db_guard::ddl
