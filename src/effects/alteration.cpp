#include "effects/alteration.hpp"

#include "effects/deletion.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

List* lock_all(Alteration& alteration, List* relations) {
  ListCell* cell = nullptr;
  foreach (cell, relations) {
    add_lock(alteration.prediction, lfirst_oid(cell), alteration.lock);
    (void)altered_table(alteration, lfirst_oid(cell));
  }
  return relations;
}

// A rewrite makes a new file, and builds every index anew.
void rewrite(Alteration& alteration, AlteredTable& table, RelationEffect& effect) {
  effect.rewrite = true;
  effect.index_build = table.builds_index;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table.relation)) {
    if (is_dropped(alteration, RelationRelationId, lfirst_oid(cell))) continue;
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock);
    effect.index_build = true;
  }
}

void finish_table(Alteration& alteration, AlteredTable& table) {
  if (!has_storage(table.kind)) return;
  if ((table.rewrite || table.computes_values) && is_row_type_stored(table.relation)) {
    server_refuses(alteration.prediction, "cannot alter table because a column uses its row type");
  }
  RelationEffect& effect = *add_lock(alteration.prediction, table.relation, NoLock);
  if (table.rewrite && table.kind != RELKIND_SEQUENCE) {
    rewrite(alteration, table, effect);
  } else {
    effect.scan |= table.verify;
    effect.rewrite |= table.new_file || table.rewrite;
    effect.index_build |= table.builds_index;
  }
  if (table.proof != nullptr) effect.proof = table.proof;
}

}  // namespace

bool has_storage(char kind) { return RELKIND_HAS_STORAGE(kind); }

AlteredTable& altered_table(Alteration& alteration, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, alteration.tables) {
    auto* table = static_cast<AlteredTable*>(lfirst(cell));
    if (table->relation == relation) return *table;
  }
  auto* table = static_cast<AlteredTable*>(palloc0(sizeof(AlteredTable)));
  table->relation = relation;
  table->kind = get_rel_relkind(relation);
  alteration.tables = lappend(alteration.tables, table);
  return *table;
}

List* alter_whole_family(Alteration& alteration, Oid relation) {
  return lock_all(alteration, family_of(relation));
}

List* alter_family(Alteration& alteration, Oid relation) {
  if (alteration.recurse) return alter_whole_family(alteration, relation);
  return lock_all(alteration, list_make1_oid(relation));
}

bool is_dropped(const Alteration& alteration, Oid catalog, Oid object) {
  return contains_object(alteration.dropped, catalog, object, 0);
}

void drop_objects(Alteration& alteration, List* objects, DropBehavior behavior) {
  const Deletion deletion = {objects, behavior == DROP_CASCADE};
  List* gone = predict_deletion(alteration.prediction, deletion);
  alteration.dropped = list_concat(alteration.dropped, gone);
}

void finish(Alteration& alteration) {
  ListCell* cell = nullptr;
  foreach (cell, alteration.tables) {
    finish_table(alteration, *static_cast<AlteredTable*>(lfirst(cell)));
  }
  foreach (cell, alteration.checks) {
    const auto* check = static_cast<const ForeignKeyCheck*>(lfirst(cell));
    predict_key_query(alteration.prediction, check->table, check->referenced);
  }
}

}  // namespace db_guard::effects
