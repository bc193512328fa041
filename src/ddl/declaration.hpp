// What a statement declares or grants, as it is written: nothing is looked up. A type is the name
// that was typed, as the grammar reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ddl/kind_set.hpp"
#include "ddl/object_name.hpp"

namespace db_guard::ddl {

// Where something stands in Declarations::text. Below 0: not known.
using Offset = std::ptrdiff_t;

struct Identifier {
  Text raw;
  Text quoted;            // SQL
  Offset at = -1;         // of a qualified name, where that begins
  bool reserved = false;  // a keyword that names nothing without quotes
};

struct TypeSpec {
  Text name;             // "timestamptz", "int4", "varchar", "serial"
  bool builtin = false;  // has no schema but pg_catalog
  int modifier = -1;     // the first number in parentheses: varchar(50), timestamp(0)
  Offset at = -1;

  [[nodiscard]] bool is(std::string_view builtin_name) const {
    return builtin && name == builtin_name;
  }
};

struct ColumnSpec {
  Identifier name;
  TypeSpec type;
  bool has_default = false;
  bool numbered = false;    // serial, identity, or a default of nextval
  Offset identity_at = -1;  // of GENERATED ... AS IDENTITY
};

struct ForeignKeySpec {
  Vector<Text> columns;  // raw
  Vector<Text> other_columns;
};

struct TableSpec {
  Identifier name;  // without its schema
  Vector<ColumnSpec> columns;
  Vector<Text> primary_key;  // raw
  Vector<ForeignKeySpec> foreign_keys;
  bool temporary = false;
  bool unlogged = false;
  bool derived = false;   // LIKE, OF, PARTITION OF: its shape is decided elsewhere
  bool inherits = false;  // has columns that are not written here
};

// Texts are words of a message.
struct GrantSpec {
  Text privileges;  // "SELECT, INSERT"; "all privileges"
  Text grantees;
  bool to_public = false;
  bool with_grant_option = false;
  bool usual_for_public = false;  // no more than PUBLIC has anyway: EXECUTE, USAGE of types
};

enum class DeclarationKind : std::uint8_t {
  // Of a table that exists before the statement.
  kNewColumn,
  kColumnType,  // another one for a column
  kOtherName,   // a name for a constraint or an index, or another one for the table or a column
  // Of something new.
  kTable,
  kDomain,
  kEnum,
  kEnumValue,
  kExtension,
  kFunction,  // and procedures
  kGrant,     // of ALTER DEFAULT PRIVILEGES, too
  kSequence,
};

constexpr bool has_existing_table(DeclarationKind kind) { return kind < DeclarationKind::kTable; }

using DeclarationSet = SetOf<DeclarationKind>;

struct Declaration {
  DeclarationKind kind = DeclarationKind::kTable;
  ObjectName target;  // of kGrant none
  Text display;       // the target as SQL, qualified where it was typed so; of kGrant, in words
  // Of whatever has columns; a domain and a sequence count as one column without a name.
  TableSpec table;
  GrantSpec grant;
  Text version;                   // of kExtension; empty: whatever is installed
  Text value;                     // of kEnumValue, raw
  std::size_t values = 0;         // of kEnum
  bool placed = false;            // of kEnumValue: BEFORE or AFTER another one
  bool procedure = false;         // of kFunction
  bool security_definer = false;  // of kFunction
  bool pins_search_path = false;  // of kFunction, or it looks up no names when it runs
};

struct Declarations {
  std::string_view text;   // of the statement; empty where it is not known
  Vector<Text> cut_names;  // names in it that the server cuts, in full
  Vector<Declaration> items;
};

}  // namespace db_guard::ddl
