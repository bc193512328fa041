#include "ddl/translate_parts.hpp"

#include "core/sql_text.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/value.h"
}

namespace db_guard::ddl {

Text text_of(const char* text) { return text != nullptr ? Text(text) : Text(); }

ObjectName name_of(const RangeVar* relation) {
  return {text_of(relation->schemaname), text_of(relation->relname)};
}

ObjectName name_of(const List* names) {
  const int parts = list_length(names);
  ObjectName name;
  if (parts >= 1) name.name = text_of(strVal(llast(names)));
  if (parts >= 2) name.schema = text_of(strVal(list_nth(names, parts - 2)));
  return name;
}

Text text_of_statement(const Source& source) {
  return Text(core::trim_statement(source.statement()));
}

Vector<Text> strings_of(const List* names) {
  Vector<Text> result;
  ListCell* cell = nullptr;
  foreach (cell, names) result.push_back(text_of(strVal(lfirst(cell))));
  return result;
}

}  // namespace db_guard::ddl
