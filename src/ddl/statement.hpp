// A DDL statement as a small value: what it does to which relation, in the user's own names.
#pragma once

#include <cstdint>

#include "core/memory.hpp"

namespace db_guard::ddl {

using core::Text;
using core::Vector;

// A name as the statement has it; an empty schema means the search_path decides.
struct ObjectName {
  Text schema;
  Text name;
  bool operator==(const ObjectName& other) const {
    return schema == other.schema && name == other.name;
  }
};

enum class ActionKind : std::uint8_t {
  kAddColumn,
  kAddPrimaryKey,
  kAddUnique,
  kCreateIndex,
  kDropColumn,
  kDropIndex,
  kRenameColumn,
  kRenameRelation,
  kSetColumnType,
  kSetNotNull,
};

// The index behind an index or key action. Texts are SQL, already quoted.
struct KeySpec {
  Text name;             // raw, may be empty: the server then chooses
  Vector<Text> columns;  // raw names; empty string for an expression
  Vector<Text> include;  // raw names
  Text tail;             // of CREATE INDEX: everything after the table's name, as typed
  Text storage;          // " WITH (...)" and " TABLESPACE ..." of a constraint, or empty
  Text existing_index;   // USING INDEX, raw
  bool unique = false;   // CREATE UNIQUE INDEX; ADD COLUMN ... UNIQUE or PRIMARY KEY
  bool primary = false;  // ADD COLUMN ... PRIMARY KEY
  bool nulls_not_distinct = false;
  bool without_overlaps = false;
  bool deferrable = false;
  bool initially_deferred = false;
  bool concurrently = false;
  bool if_not_exists = false;
};

struct Action {
  ActionKind kind = ActionKind::kAddColumn;
  ObjectName target;  // the relation; for kDropIndex the index
  Text column;        // raw
  Text new_name;      // raw, of a rename
  KeySpec key;        // of index and key actions, and of ADD COLUMN ... UNIQUE or PRIMARY KEY
  bool only = false;  // ONLY: descendants are left alone
  bool if_not_exists = false;
  bool concurrently = false;  // of kDropIndex
  bool cascade = false;
  // The parse node, for Facts to analyse; nothing else looks inside.
  const void* node = nullptr;
  int command = 0;  // of ALTER TABLE: which of its commands, from 0
};

struct Statement {
  Text tag;  // "ALTER TABLE"
  // The parse tree, for the Predictor.
  const void* tree = nullptr;
  Vector<Action> actions;
};

}  // namespace db_guard::ddl
