#include "pg/setting_names.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace db_guard::pg {

namespace {

List* matching_names(const char* prefix, std::size_t length) {
  int count = 0;
  config_generic** variables = all_settings(&count);
  List* names = NIL;
  for (int i = 0; i < count; i++) {
    if (strncmp(variables[i]->name, prefix, length) == 0) {
      names = lappend(names, const_cast<char*>(variables[i]->name));
    }
  }
  return names;
}

}  // namespace

core::Vector<core::Text> setting_names(std::string_view prefix) {
  List* names = call([&] { return matching_names(prefix.data(), prefix.size()); });
  core::Vector<core::Text> result;
  for (int i = 0; i < list_length(names); i++) {
    result.emplace_back(static_cast<const char*>(list_nth(names, i)));
  }
  return result;
}

}  // namespace db_guard::pg
