#include "effects/statements.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

// Partitions are published through their parent, and need no lock of their own.
void lock_published(Prediction& prediction, const RangeVar* name) {
  const Oid table = need_relation(prediction, name, false);
  if (!OidIsValid(table)) return;
  const char kind = get_rel_relkind(table);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
    server_refuses(prediction,
                   psprintf("cannot add relation \"%s\" to publication", name->relname));
  add_lock(prediction, table, ShareUpdateExclusiveLock);
  if (name->inh && kind != RELKIND_PARTITIONED_TABLE)
    lock_family(prediction, table, ShareUpdateExclusiveLock);
}

void lock_all_published(Prediction& prediction, const List* objects) {
  ListCell* cell = nullptr;
  foreach (cell, objects) {
    const auto* object = static_cast<const PublicationObjSpec*>(lfirst(cell));
    if (object->pubobjtype == PUBLICATIONOBJ_TABLE)
      lock_published(prediction, object->pubtable->relation);
  }
}

void predict_alter(Prediction& prediction, const AlterPublicationStmt* alter) {
  const Oid publication = get_publication_oid(alter->pubname, false);
  lock_all_published(prediction, alter->pubobjects);
  if (alter->options != NIL || alter->action != AP_SetObjects) return;
  ListCell* cell = nullptr;
  foreach (cell, GetPublicationRelations(publication, PUBLICATION_PART_ROOT)) {
    add_lock(prediction, lfirst_oid(cell), ShareUpdateExclusiveLock);
  }
}

}  // namespace

bool predict_publication(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreatePublicationStmt: {
      const auto* create = castNode(CreatePublicationStmt, tree);
      if (OidIsValid(get_publication_oid(create->pubname, true)))
        server_refuses(prediction, psprintf("publication \"%s\" already exists", create->pubname));
      lock_all_published(prediction, create->pubobjects);
      return true;
    }
    case T_AlterPublicationStmt:
      predict_alter(prediction, castNode(AlterPublicationStmt, tree));
      return true;
    case T_CreateSubscriptionStmt:
    case T_AlterSubscriptionStmt:
      // What the publisher publishes is known there.
      prediction.estimated = true;
      return true;
    case T_DropSubscriptionStmt:
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
