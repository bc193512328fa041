// A DDL statement as a small value: what it does to which relation, in the user's own names.
#pragma once

#include <cstdint>
#include <string_view>

#include "ddl/column_part.hpp"
#include "ddl/kind_set.hpp"
#include "ddl/object_name.hpp"

namespace db_guard::ddl {

enum class ActionKind : std::uint8_t {
  // Of ALTER TABLE and its kin; the target is the relation.
  kAddCheck,
  kAddColumn,
  kAddExclusion,
  kAddForeignKey,
  kAddIdentity,
  kAddNotNull,  // as a constraint, from 18 on
  kAddPrimaryKey,
  kAddUnique,
  kAlterConstraint,
  kAttachPartition,
  kChangeTriggers,     // ENABLE of triggers, ENABLE and DISABLE of rules
  kChangeRowSecurity,  // ENABLE, DISABLE, FORCE, NO FORCE
  kDetachPartition,
  kDisableTriggers,
  kDropColumn,
  kDropConstraint,
  kDropDefault,
  kDropExpression,
  kDropNotNull,
  kOtherAlter,
  kSetAccessMethod,
  kSetColumnType,
  kSetDefault,
  kSetExpression,
  kSetInheritance,  // INHERIT, NO INHERIT
  kSetLogged,
  kSetNotNull,
  kSetOptions,  // storage parameters
  kSetReplicaIdentity,
  kSetStorage,  // STORAGE, COMPRESSION
  kSetTablespace,
  kSetUnlogged,
  kValidateConstraint,
  // Of RENAME and SET SCHEMA; the target is the relation.
  kRenameColumn,
  kRenameConstraint,
  kRenameRelation,
  kSetSchema,
  // Of indexes; the target is the table, of DROP INDEX the index.
  kCreateIndex,
  kDropIndex,
  // Of relations as a whole; the target is the relation.
  kDropRelation,
  kTruncate,
  kLockTable,
  kRebuildTable,  // VACUUM FULL, CLUSTER
  kRefreshView,
  kDropPolicy,
  // Of CREATE TABLE ... PARTITION OF; the target is the parent, `other` the new partition.
  kCreatePartition,
  // Of data; the target is the table that changes.
  kUpdate,
  kDelete,
  kInsertSelect,
  kReindexIndex,  // the target is the index
  kReindexTable,
  // From here on the target, if there is one, is no relation that exists before the statement.
  kCreateTable,
  kCreateTableAs,  // and CREATE MATERIALIZED VIEW
  kRebuildAll,     // VACUUM FULL, CLUSTER of the whole database
  kAddEnumValue,
  kDropDatabase,
  kDropObject,  // functions, types, extensions and other things that are no relations
  kDropOwned,
  kDropSchema,
  kRenameEnumValue,
  kRenameObject,  // or moved to another schema
  kRenameSchema,
  kReindexMany,  // of a schema or the database
  // Of ALTER DOMAIN; the target is the domain.
  kAddDomainConstraint,
  kSetDomainNotNull,
  kValidateDomainConstraint,
  // Of the whole server.
  kChangeSetting,  // ALTER SYSTEM, ALTER ROLE ... SET, ALTER DATABASE ... SET
  kDropRole,
  kGrantPower,  // CREATE ROLE, ALTER ROLE and GRANT of what makes a superuser, or nearly one
  kMoveAll,     // ALL IN TABLESPACE: the target is the table space, new_name where to
};

constexpr bool has_existing_target(ActionKind kind) { return kind < ActionKind::kCreateTable; }

// Its target is an index, not the table.
constexpr bool names_an_index(ActionKind kind) {
  return kind == ActionKind::kDropIndex || kind == ActionKind::kReindexIndex;
}

using KindSet = SetOf<ActionKind>;

// Whatever is done to a relation that exists before.
constexpr KindSet all_kinds_with_target() {
  KindSet kinds{};
  for (std::size_t i = 0; i < std::size_t(ActionKind::kCreateTable); i++) {
    kinds.add(static_cast<ActionKind>(i));
  }
  return kinds;
}

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

// A storage parameter: "autovacuum_enabled", or "toast.autovacuum_enabled".
struct Option {
  Text name;
  Text value;  // empty: none was given
};

struct Action {
  ActionKind kind = ActionKind::kAddColumn;
  ObjectName target;  // the relation; where names_an_index(kind) the index
  Text column;        // raw
  Text new_name;      // raw, of a rename
  KeySpec key;        // of index and key actions, and of ADD COLUMN ... UNIQUE or PRIMARY KEY
  bool only = false;  // ONLY: descendants are left alone
  bool if_not_exists = false;
  bool concurrently = false;  // of kDropIndex, kDetachPartition and REINDEX
  bool cascade = false;
  bool not_valid = false;     // of a new constraint: the rows of now are not checked
  bool not_enforced = false;  // of a constraint, from 18 on
  ObjectName other;           // referenced table, partition, or parent
  // Raw. Of a foreign key, empty: the primary key. Of a new partition: those with options.
  Vector<Text> other_columns;
  Text part;  // raw: a trigger, rule or policy; of an enum a new value, or the old one of a rename
  // Of what is no relation: "function", "type"; of kCreateTrigger and the like "trigger", "rule";
  // of kChangeRowSecurity "enable" or nothing; of kRebuildTable and kCreateTableAs the command.
  std::string_view object_kind;
  Vector<Option> options;  // of kSetOptions, and of the sequence of kAddIdentity
  bool nowait = false;     // of kLockTable
  bool with_data = true;   // of kCreateTableAs and kRefreshView
  Text constraint;         // raw; of a new one it may be empty: the server then chooses
  // The action as typed, without what stands around it: "ADD CONSTRAINT c CHECK (x > 0)"; of
  // REINDEX and ALTER DOMAIN the whole statement. Empty where it could not be told from its
  // neighbours.
  Text clause;
  Vector<ColumnPart> parts;  // of kAddColumn, but for COLLATE
  // The parse node, for Facts to analyse; nothing else looks inside.
  const void* node = nullptr;
  int command = 0;  // of ALTER TABLE: which of its commands, from 0
};

struct Statement {
  Text tag;   // "ALTER TABLE"
  Text text;  // as typed, without what follows it; empty where that is not known
  // The parse tree, for the Predictor.
  const void* tree = nullptr;
  Vector<Action> actions;
};

}  // namespace db_guard::ddl
