#include "effects/prediction.hpp"

#include "effects/effects_version.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/dependency.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/evtcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

bool is_worth_a_row(Oid relation) {
  if (!OidIsValid(relation) || relation < FirstNormalObjectId) return false;
  // A composite type has no rows that anybody could wait for.
  if (get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE) return false;
  const Oid schema = get_rel_namespace(relation);
  return OidIsValid(schema) && !IsCatalogNamespace(schema) && !IsToastNamespace(schema);
}

}  // namespace

RelationEffect* find_effect(const Prediction& prediction, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, prediction.effects) {
    auto* effect = static_cast<RelationEffect*>(lfirst(cell));
    if (effect->relation == relation) return effect;
  }
  return nullptr;
}

RelationEffect* add_lock(Prediction& prediction, Oid relation, LOCKMODE lock) {
  RelationEffect* effect = find_effect(prediction, relation);
  if (effect == nullptr) {
    effect = static_cast<RelationEffect*>(palloc0(sizeof(RelationEffect)));
    effect->relation = relation;
    if (is_worth_a_row(relation)) prediction.effects = lappend(prediction.effects, effect);
  }
  effect->lock = Max(effect->lock, lock);
  return effect;
}

void cannot_judge(Prediction& prediction, const char* why) {
  if (prediction.unknown == nullptr) prediction.unknown = why;
}

void server_refuses(Prediction& prediction, const char* message) {
  if (prediction.refused == nullptr) prediction.refused = message;
}

Oid find_relation(Prediction& prediction, const RangeVar* name) {
  ListCell* cell = nullptr;
  foreach (cell, prediction.made) {
    if (name->schemaname == nullptr &&
        strcmp(static_cast<const char*>(lfirst(cell)), name->relname) == 0) {
      return InvalidOid;
    }
  }
  const ScriptState* script = prediction.script;
  if (script != nullptr && is_made(*script, name)) {
    prediction.meets_new = true;
    return InvalidOid;
  }
  if (script == nullptr) return RangeVarGetRelid(name, NoLock, true);
  const Oid id = resolve(*script, name);
  if (is_altered(*script, id)) prediction.meets_altered = true;
  return id;
}

Oid find_relation(Prediction& prediction, const List* names) {
  return find_relation(prediction, makeRangeVarFromNameList(const_cast<List*>(names)));
}

List* family_of(Oid relation) { return find_all_inheritors(relation, NoLock, nullptr); }

bool is_in(const List* names, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, names) {
    if (strcmp(static_cast<const char*>(lfirst(cell)), name) == 0) return true;
  }
  return false;
}

List* indexes_of(Oid relation) {
  ::Relation table = RelationIdGetRelation(relation);
  if (table == nullptr) return NIL;
  List* indexes = list_copy(RelationGetIndexList(table));
  RelationClose(table);
  return indexes;
}

namespace {

// The catalogs of now say nothing of what the script has made and changed.
void mind_the_script(Prediction& prediction, Node* tree) {
  if (prediction.meets_altered) prediction.estimated = true;
  if (prediction.refused == nullptr) return;
  if (prediction.meets_altered) {
    prediction.refused = nullptr;
    predict_by_shape(prediction, tree);
  } else if (prediction.meets_new) {
    prediction.refused = nullptr;
    predict_references_of_new(prediction, tree);
  } else {
    // Said of the catalogs of now.
    prediction.estimated = true;
  }
}

}  // namespace

Oid need_relation(Prediction& prediction, const RangeVar* name, bool missing_ok) {
  const Oid relation = find_relation(prediction, name);
  if (!OidIsValid(relation) && !missing_ok) {
    server_refuses(prediction, psprintf("relation \"%s\" does not exist", name->relname));
  }
  return relation;
}

Oid find_namesake(const Prediction& prediction, const RangeVar* name) {
  if (prediction.made != NIL) return InvalidOid;
  const bool temporary_schema =
      name->schemaname != nullptr && strcmp(name->schemaname, "pg_temp") == 0;
  if (name->relpersistence == RELPERSISTENCE_TEMP || temporary_schema) {
    // Asking for the schema of temporary tables would make it.
    RangeVar* temporary = makeRangeVar(pstrdup("pg_temp"), name->relname, -1);
    return RangeVarGetRelid(temporary, NoLock, true);
  }
  const Oid schema = RangeVarGetCreationNamespace(name);
  check_may_create_in(schema);
  const Oid id = get_relname_relid(name->relname, schema);
  const bool is_free =
      prediction.script != nullptr && OidIsValid(id) && is_name_free(*prediction.script, id);
  return is_free ? InvalidOid : id;
}

void lock_family(Prediction& prediction, Oid relation, LOCKMODE lock) {
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) add_lock(prediction, lfirst_oid(cell), lock);
}

void lock_indexes(Prediction& prediction, Oid table, LOCKMODE lock) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) add_lock(prediction, lfirst_oid(cell), lock);
}

namespace {

// Event triggers of an extension do what it says they do; those of a user may do anything.
bool may_do_more(EventTriggerEvent event, CommandTag tag) {
  ListCell* cell = nullptr;
  foreach (cell, EventCacheLookup(event)) {
    const auto* item = static_cast<const EventTriggerCacheItem*>(lfirst(cell));
    if (item->tagset != nullptr && !bms_is_member(tag, item->tagset)) continue;
    if (!OidIsValid(getExtensionOfObject(ProcedureRelationId, item->fnoid))) return true;
  }
  return false;
}

}  // namespace

void weigh_event_triggers(Prediction& prediction, Node* tree) {
  const CommandTag tag = CreateCommandTag(tree);
  if (!command_tag_event_trigger_ok(tag)) return;
  if (may_do_more(EVT_DDLCommandStart, tag) || may_do_more(EVT_DDLCommandEnd, tag) ||
      may_do_more(EVT_SQLDrop, tag) || may_do_more(EVT_TableRewrite, tag)) {
    prediction.estimated = true;
  }
}

void predict_statement(Prediction& prediction, Node* tree) {
  if (prediction.script != nullptr && predict_by_script(prediction, tree)) return;
  const bool known = predict_alter_table(prediction, tree) ||
                     predict_create_table(prediction, tree) || predict_index(prediction, tree) ||
                     predict_drop(prediction, tree) || predict_type(prediction, tree) ||
                     predict_view(prediction, tree) || predict_maintenance(prediction, tree) ||
                     predict_other(prediction, tree);
  if (!known) cannot_judge(prediction, "db_guard does not know this command");
  if (prediction.script != nullptr) mind_the_script(prediction, tree);
}

}  // namespace db_guard::effects
