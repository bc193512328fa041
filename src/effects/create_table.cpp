// Commands that create tables, and what they look at for it.
#include "effects/prediction.hpp"

#include "effects/dependencies.hpp"
#include "effects/foreign_key.hpp"
#include "effects/queries.hpp"
#include "effects/statements.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

bool is_there(Prediction& prediction, const RangeVar* name, bool if_not_exists) {
  if (!OidIsValid(find_namesake(prediction, name))) return false;
  if (!if_not_exists)
    server_refuses(prediction, psprintf("relation \"%s\" already exists", name->relname));
  return true;
}

bool is_itself(const CreateStmt* create, const RangeVar* other) {
  if (strcmp(create->relation->relname, other->relname) != 0) return false;
  return other->schemaname == nullptr ||
         (create->relation->schemaname != nullptr &&
          strcmp(create->relation->schemaname, other->schemaname) == 0);
}

void lock_referenced(Prediction& prediction, const CreateStmt* create, const List* constraints) {
  ListCell* cell = nullptr;
  foreach (cell, constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (!IsA(constraint, Constraint) || constraint->contype != CONSTR_FOREIGN) continue;
    if (is_itself(create, constraint->pktable)) continue;
    const Oid table = need_relation(prediction, constraint->pktable, false);
    if (!OidIsValid(table)) continue;
    if (get_rel_persistence(table) != create->relation->relpersistence &&
        (get_rel_persistence(table) == RELPERSISTENCE_TEMP ||
         create->relation->relpersistence != RELPERSISTENCE_UNLOGGED)) {
      server_refuses(prediction, "a foreign key may refer only to a table that lasts as long");
    }
    if (IsA(create, CreateForeignTableStmt))
      server_refuses(prediction, "foreign key constraints are not supported on foreign tables");
    lock_for_foreign_key(prediction, table, constraint->pk_attrs);
  }
}

void predict_like(Prediction& prediction, const TableLikeClause* like) {
  const Oid table = need_relation(prediction, like->relation, false);
  if (!OidIsValid(table)) return;
  add_lock(prediction, table, AccessShareLock);
  lock_column_types(prediction, table);
  if ((like->options & CREATE_TABLE_LIKE_DEFAULTS) != 0)
    lock_dependencies_of_defaults(prediction, table);
}

void predict_column(Prediction& prediction, const CreateStmt* create, const ColumnDef* column) {
  lock_referenced(prediction, create, column->constraints);
  const Oid type =
      column->typeName != nullptr ? LookupTypeNameOid(nullptr, column->typeName, true) : InvalidOid;
  if (OidIsValid(type)) lock_column_type(prediction, type);
  predict_recorded_expression(prediction, column->raw_default);
  ListCell* cell = nullptr;
  foreach (cell, column->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (IsA(constraint, Constraint)) predict_recorded_expression(prediction, constraint->raw_expr);
  }
}

// Columns, types and defaults are those of the parent.
void inherit_columns(Prediction& prediction, Oid parent) {
  lock_column_types(prediction, parent);
  lock_dependencies_of_defaults(prediction, parent);
}

void predict_elements(Prediction& prediction, const CreateStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->tableElts) {
    auto* element = static_cast<Node*>(lfirst(cell));
    if (IsA(element, TableLikeClause))
      predict_like(prediction, castNode(TableLikeClause, element));
    else if (IsA(element, ColumnDef))
      predict_column(prediction, create, castNode(ColumnDef, element));
    else if (IsA(element, Constraint))
      lock_referenced(prediction, create, list_make1(element));
  }
  lock_referenced(prediction, create, create->constraints);
}

void predict_type_of(Prediction& prediction, const TypeName* name) {
  if (name == nullptr) return;
  const Oid type = typenameTypeId(nullptr, name);
  add_lock(prediction, get_typ_typrelid(type), AccessShareLock);
  lock_column_types(prediction, get_typ_typrelid(type));
}

void put_default_leaf(Prediction& prediction, Oid partition, List* constraint, bool is_top) {
  ::Relation relation = RelationIdGetRelation(partition);
  if (relation == nullptr) return;
  RelationEffect* effect = add_lock(prediction, partition, AccessExclusiveLock);
  if (PartConstraintImpliedByRelConstraint(relation, constraint)) {
    effect->proof =
        psprintf("constraints of default partition \"%s\" keep out the rows of the new one",
                 RelationGetRelationName(relation));
  } else if (relation->rd_rel->relkind == RELKIND_RELATION) {
    effect->scan = true;
  } else if (is_top && relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) {
    ListCell* cell = nullptr;
    foreach (cell, family_of(partition)) {
      if (lfirst_oid(cell) != partition)
        put_default_leaf(prediction, lfirst_oid(cell), constraint, false);
    }
  }
  RelationClose(relation);
}

// The default partition must not hold rows of the new one.
void check_default(Prediction& prediction, ::Relation parent, PartitionBoundSpec* bound) {
  const Oid partition = get_default_partition_oid(RelationGetRelid(parent));
  if (!OidIsValid(partition)) return;
  add_lock(prediction, partition, AccessExclusiveLock);
  if (bound->is_default) return;
  ::Relation relation = RelationIdGetRelation(partition);
  if (relation == nullptr) return;
  List* constraint = get_proposed_default_constraint(get_qual_from_partbound(parent, bound));
  constraint = map_partition_varattnos(constraint, 1, relation, parent);
  RelationClose(relation);
  put_default_leaf(prediction, partition, constraint, true);
}

// A key between partitions follows the one between their parents.
bool comes_with_another(const FormData_pg_constraint* form, Oid table) {
  bool comes = false;
  if (!OidIsValid(form->conparentid)) return false;
  pg::read_syscache<Form_pg_constraint>(
      CONSTROID, ObjectIdGetDatum(form->conparentid), [&](Form_pg_constraint parent, HeapTuple) {
        comes = form->conrelid == table ? parent->conrelid == table : parent->confrelid == table;
      });
  return comes;
}

// Keys of the parent hold for a new partition, and keys that refer to it refer to the partition.
void lock_for_keys(Prediction& prediction, Oid parent) {
  ::Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(constraints, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    if (form->contype != CONSTRAINT_FOREIGN || comes_with_another(form, parent)) continue;
    if (form->conrelid == parent) {
      lock_for_known_key(prediction, form->confrelid, form->conindid);
    } else if (form->confrelid == parent && form->conrelid != parent) {
      add_lock(prediction, form->conrelid, ShareRowExclusiveLock);
    }
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
}

void predict_partition(Prediction& prediction, const CreateStmt* create) {
  const auto* name = static_cast<const RangeVar*>(linitial(create->inhRelations));
  const Oid parent = need_relation(prediction, name, false);
  if (!OidIsValid(parent)) return;
  if (get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE) {
    server_refuses(prediction, psprintf("\"%s\" is not partitioned", name->relname));
    return;
  }
  add_lock(prediction, parent, AccessExclusiveLock);
  ::Relation relation = RelationIdGetRelation(parent);
  if (relation == nullptr) return;
  ParseState* state = make_parsestate(nullptr);
  PartitionBoundSpec* bound = transformPartitionBound(
      state, relation, static_cast<PartitionBoundSpec*>(copyObjectImpl(create->partbound)));
  check_new_partition_bound(create->relation->relname, relation, bound, state);
  check_default(prediction, relation, bound);
  RelationClose(relation);
  if (!IsA(create, CreateForeignTableStmt))
    lock_indexes(prediction, parent, ShareUpdateExclusiveLock);
  inherit_columns(prediction, parent);
  lock_for_keys(prediction, parent);
}

void predict_inheritance(Prediction& prediction, Oid parent) {
  if (!OidIsValid(parent)) return;
  add_lock(prediction, parent, ShareUpdateExclusiveLock);
  const char kind = get_rel_relkind(parent);
  if (kind == RELKIND_PARTITIONED_TABLE)
    server_refuses(prediction,
                   psprintf("cannot inherit from partitioned table \"%s\"", get_rel_name(parent)));
  else if (kind != RELKIND_RELATION && kind != RELKIND_FOREIGN_TABLE)
    server_refuses(prediction,
                   psprintf("inherited relation \"%s\" is not a table", get_rel_name(parent)));
  inherit_columns(prediction, parent);
}

void predict_create(Prediction& prediction, const CreateStmt* create) {
  if (is_there(prediction, create->relation, create->if_not_exists)) return;
  predict_elements(prediction, create);
  predict_type_of(prediction, create->ofTypename);
  if (create->partbound != nullptr) {
    predict_partition(prediction, create);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, create->inhRelations) {
    const auto* parent = static_cast<const RangeVar*>(lfirst(cell));
    predict_inheritance(prediction, need_relation(prediction, parent, false));
  }
}

void predict_filling(Prediction& prediction, Node* query, const IntoClause* into,
                     bool if_not_exists) {
  const bool there = is_there(prediction, into->rel, if_not_exists);
  const QueryStep step = there || into->skipData ? QueryStep::kParsed : QueryStep::kRun;
  if (IsA(query, Query)) {
    // As an event trigger has it.
    predict_analysed_query(prediction, castNode(Query, query), step);
  } else if (!IsA(query, ExecuteStmt)) {
    predict_new_relation(prediction, query, step);
  } else if (!there) {
    // The plan is made, or is there, even where nothing is filled in.
    prediction.estimated = true;
    predict_execute(prediction, castNode(ExecuteStmt, query),
                    step == QueryStep::kRun ? step : QueryStep::kRewritten);
  }
}

// SELECT ... INTO has the target in the first of the queries it unites.
const IntoClause* target_of(const SelectStmt* select) {
  while (select->larg != nullptr) select = select->larg;
  return select->intoClause;
}

}  // namespace

bool predict_create_table(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateStmt:
      predict_create(prediction, castNode(CreateStmt, tree));
      return true;
    case T_CreateForeignTableStmt:
      predict_create(prediction, &castNode(CreateForeignTableStmt, tree)->base);
      return true;
    case T_CreateTableAsStmt: {
      const auto* create = castNode(CreateTableAsStmt, tree);
      predict_filling(prediction, create->query, create->into, create->if_not_exists);
      return true;
    }
    case T_SelectStmt: {
      const IntoClause* into = target_of(castNode(SelectStmt, tree));
      if (into == nullptr) return false;
      predict_filling(prediction, tree, into, false);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace db_guard::effects
