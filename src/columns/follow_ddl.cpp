// The event trigger of the column triggers: they follow a column that is renamed, go with one that
// is dropped, and come to new tables of managed schemas.
#include "columns/schema_tables.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/own_table.hpp"
#include "pg/restore_session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "nodes/parsenodes.h"
#include "replication/logicalworker.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(db_guard_follow_ddl);
}

namespace db_guard::columns {

namespace {

using core::concat;

// Triggers of the table and its children whose column is not there any more.
constexpr const char* kStale = R"sql(
WITH RECURSIVE tree (relid) AS (
    SELECT $1::oid UNION SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = relid)
SELECT t.tgrelid::text, t.tgname, p.proname, (db_guard.split_arguments(t.tgargs))[1],
       array_to_string((db_guard.split_arguments(t.tgargs))[2:], ','), t.tgenabled,
       t.tgrelid::regclass::text
  FROM tree JOIN pg_trigger AS t ON t.tgrelid = tree.relid
  JOIN pg_proc AS p ON p.oid = t.tgfoid
 WHERE t.tgparentid = 0
   AND t.tgfoid IN ('db_guard.set_updated_at()'::regprocedure,
                    'db_guard.count_row_version()'::regprocedure,
                    'db_guard.set_created_by()'::regprocedure,
                    'db_guard.keep_deleted_row()'::regprocedure)
   AND NOT EXISTS (SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = t.tgrelid AND NOT a.attisdropped
                      AND a.attname = (db_guard.split_arguments(t.tgargs))[1])
 ORDER BY t.tgrelid, t.tgname)sql";

constexpr const char* kNewTables = R"sql(
SELECT DISTINCT c.oid::text, m.feature, m.column_name, c.oid::regclass::text
  FROM pg_event_trigger_ddl_commands() AS command
  JOIN pg_class AS c ON c.oid = command.objid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN db_guard.managed_schemas AS m ON m.schema_name = n.nspname
 WHERE command.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition AND c.relpersistence <> 't'
 ORDER BY 4, 2, 3)sql";

// What one statement did, as far as it matters here.
struct Change {
  char table[16];  // an OID; empty where no trigger can be concerned
  const char* old_column;
  const char* new_column;
  bool may_be_managed;
  List* partitions;  // OIDs of those that are new, attached or detached and may have soft delete
};

bool has_own_trigger(::Relation relation) {
  const TriggerDesc* all = relation->trigdesc;
  const Oid schema = all != nullptr ? get_namespace_oid("db_guard", true) : InvalidOid;
  for (int i = 0; OidIsValid(schema) && i < all->numtriggers; i++) {
    if (get_func_namespace(all->triggers[i].tgfoid) == schema) return true;
  }
  return false;
}

void note_table(const RangeVar* name, Change& change) {
  const Oid id = RangeVarGetRelid(name, NoLock, true);
  ::Relation relation = OidIsValid(id) ? try_relation_open(id, AccessShareLock) : nullptr;
  if (relation == nullptr) return;
  if (relation->rd_rel->relhassubclass || has_own_trigger(relation)) {
    snprintf(change.table, sizeof(change.table), "%u", id);
  }
  relation_close(relation, AccessShareLock);
}

void note_partition(const RangeVar* name, Change& change) {
  const Oid id = RangeVarGetRelid(name, NoLock, true);
  ::Relation relation = OidIsValid(id) ? try_relation_open(id, AccessShareLock) : nullptr;
  if (relation == nullptr) return;
  if (has_own_trigger(relation)) change.partitions = lappend_oid(change.partitions, id);
  relation_close(relation, AccessShareLock);
}

void note_new_partition(const Node* tree, Change& change) {
  if (!IsA(tree, CreateStmt)) return;
  const auto* create = reinterpret_cast<const CreateStmt*>(tree);
  if (create->partbound != nullptr) note_partition(create->relation, change);
}

void note_new_partitions(const Node* tree, Change& change) {
  note_new_partition(tree, change);
  if (!IsA(tree, CreateSchemaStmt)) return;
  ListCell* cell = nullptr;
  foreach (cell, reinterpret_cast<const CreateSchemaStmt*>(tree)->schemaElts) {
    note_new_partition(static_cast<const Node*>(lfirst(cell)), change);
  }
}

void note_moved_partitions(const AlterTableStmt* statement, Change& change) {
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype != AT_AttachPartition && command->subtype != AT_DetachPartition &&
        command->subtype != AT_DetachPartitionFinalize) {
      continue;
    }
    note_partition(reinterpret_cast<const PartitionCmd*>(command->def)->name, change);
  }
}

struct Columns {
  bool added;
  bool dropped;
};

// Asked first: an ALTER TABLE of anything else is to cost nothing here.
Columns columns_of(const AlterTableStmt* statement) {
  Columns columns{};
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    const AlterTableType type = lfirst_node(AlterTableCmd, cell)->subtype;
    columns.added |= type == AT_AddColumn;
    columns.dropped |= type == AT_DropColumn;
  }
  return columns;
}

bool is_any_schema_managed() { return pg::may_hold_rows("managed_schemas"); }

Change change_of(const Node* tree) {
  Change change{};
  if (IsA(tree, AlterTableStmt)) {
    const auto* alter = reinterpret_cast<const AlterTableStmt*>(tree);
    const Columns columns = columns_of(alter);
    if (columns.dropped) note_table(alter->relation, change);
    note_moved_partitions(alter, change);
    change.may_be_managed = columns.added && is_any_schema_managed();
  } else if (IsA(tree, RenameStmt)) {
    const auto* rename = reinterpret_cast<const RenameStmt*>(tree);
    if (rename->renameType != OBJECT_COLUMN || rename->relation == nullptr) return change;
    note_table(rename->relation, change);
    change.old_column = rename->subname;
    change.new_column = rename->newname;
    change.may_be_managed = is_any_schema_managed();
  } else {
    note_new_partitions(tree, change);
    change.may_be_managed = is_any_schema_managed();
  }
  return change;
}

const Feature* feature_of_function(std::string_view function) {
  for (const Feature* feature : kFeatures) {
    if (function == feature->function) return feature;
  }
  return nullptr;
}

void tell_dropped(std::string_view trigger, std::string_view table, std::string_view column) {
  const Text message = concat({"db_guard drops trigger \"", trigger, "\" of table ", table});
  const Text detail = concat({"Its column \"", column, "\" is not there any more."});
  const char* m = message.c_str();
  const char* d = detail.c_str();
  pg::call([&] { ereport(NOTICE, (errmsg_internal("%s", m), errdetail_internal("%s", d))); });
}

// As ALTER TABLE with ENABLE or DISABLE TRIGGER had left it.
void restore_state(std::string_view table, std::string_view trigger, std::string_view state) {
  if (state == "O") return;
  const Text name(table);
  const Text quoted(trigger);
  const std::string_view word = state == "D"   ? "DISABLE"
                                : state == "A" ? "ENABLE ALWAYS"
                                               : "ENABLE REPLICA";
  const pg::Rows statement = pg::query("SELECT format('ALTER TABLE %s %s TRIGGER %I', $1, $2, $3)",
                                       {name.c_str(), Text(word).c_str(), quoted.c_str()});
  pg::query(statement.at(0, 0));
}

void follow_rename(const pg::Rows& stale, int row, const Change& change) {
  const Feature* feature = feature_of_function(stale.text(row, 2));
  const Wish wish{feature, stale.at(row, 0), change.new_column,
                  core::split_list(stale.text(row, 4))};
  const Text table(stale.text(row, 6));
  pg::query(create_statement(wish, table, stale.text(row, 1), true).c_str());
  restore_state(table, stale.text(row, 1), stale.text(row, 5));
}

void repair_triggers(const Change& change) {
  const pg::Rows stale = pg::query(kStale, {change.table});
  for (int row = 0; row < stale.rows; row++) {
    if (change.old_column != nullptr && stale.text(row, 3) == change.old_column) {
      follow_rename(stale, row, change);
      continue;
    }
    const Feature* feature = feature_of_function(stale.text(row, 2));
    if (disable(*feature, stale.at(row, 0), stale.at(row, 3))) {
      tell_dropped(stale.text(row, 1), stale.text(row, 6), stale.text(row, 3));
    }
  }
}

void warn_unfit(std::string_view feature, std::string_view table, std::string_view column) {
  const Text message = concat({"db_guard does not enable ", feature, " for table ", table});
  const Text detail = concat({"Its column \"", column, "\" cannot be used for it."});
  const Text hint =
      concat({"SELECT db_guard.enable_", feature, "('", table, "', '", column, "') says why."});
  const char* m = message.c_str();
  const char* d = detail.c_str();
  const char* h = hint.c_str();
  pg::call([&] {
    ereport(WARNING, (errmsg_internal("%s", m), errdetail_internal("%s", d), errhint("%s", h)));
  });
}

void enable_in_new_tables() {
  const pg::Rows tables = pg::query(kNewTables);
  for (int row = 0; row < tables.rows; row++) {
    const Feature* feature = feature_by_name(tables.text(row, 1));
    if (feature == nullptr) continue;
    const std::string_view state =
        enable_where_it_fits(*feature, tables.at(row, 0), tables.at(row, 2));
    if (state == "wrong column") {
      warn_unfit(tables.text(row, 1), tables.text(row, 3), tables.text(row, 2));
    }
  }
}

void follow(const Change& change) {
  if (change.table[0] != '\0') repair_triggers(change);
  if (change.may_be_managed) enable_in_new_tables();
  ListCell* cell = nullptr;
  foreach (cell, change.partitions) {
    char table[16];
    snprintf(table, sizeof(table), "%u", lfirst_oid(cell));
    guard_truncate(table);
  }
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard;
using namespace db_guard::columns;

Datum db_guard_follow_ddl(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("this function can only be called by an event trigger"),
                    errhint("CREATE EXTENSION db_guard installs the triggers.")));
  }
  // They bring their own triggers.
  if (creating_extension || IsBinaryUpgrade || IsLogicalWorker() || pg::looks_like_restore()) {
    PG_RETURN_NULL();
  }
  const Change change = change_of(reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree);
  if (change.table[0] == '\0' && !change.may_be_managed && change.partitions == NIL)
    PG_RETURN_NULL();
  pg::enter([&] { follow(change); });
  PG_RETURN_NULL();
}
