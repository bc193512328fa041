// What a script says of names, found by name: scripts of many thousand statements make many. Plain
// server code.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
}

namespace db_guard::effects {

// A plain value; null until there is something in it.
struct NameTable {
  HTAB* lists;
};

// What is known of the name at that place: a relation's OID, or 0. NIL for nothing.
List* find_named(const NameTable& table, Oid place, const char* name);
// The same, to be changed. Lives in the memory context of the first call.
List** named(NameTable& table, Oid place, const char* name);

}  // namespace db_guard::effects
