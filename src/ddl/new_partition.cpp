// What a new partition has to bring along, so that attaching it finds everything done: constraints
// that prove its rows, indexes, foreign keys; and the proof that the default partition has no row
// of it.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"
}

namespace db_guard::ddl {

namespace {

using core::number;

struct BoundSql {
  const char* bound;
  const char* constraint;
  const char* default_constraint;
  bool unprovable;
};

const char* print(Node* expression, Oid relation) {
  List* context = deparse_context_for(get_rel_name(relation), relation);
  return pg::under_pinned_search_path(
      [&] { return deparse_expression(expression, context, false, false); });
}

// The server's test of a hash partition has the parent's OID in it, which is another one in every
// database; as a regclass it is printed by its name.
bool name_hashed_table(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, FuncExpr) &&
      reinterpret_cast<FuncExpr*>(node)->funcid == F_SATISFIES_HASH_PARTITION) {
    auto* table = static_cast<Node*>(linitial(reinterpret_cast<FuncExpr*>(node)->args));
    if (IsA(table, Const)) reinterpret_cast<Const*>(table)->consttype = REGCLASSOID;
  }
  return walk_tree(node, name_hashed_table, context);
}

// The expressions are over the parent's columns. Printing needs ACCESS SHARE on the table.
const char* print_for(List* constraint, ::Relation parent, Oid table) {
  if (constraint == NIL || !OidIsValid(table) || !lock_without_waiting(table)) return nullptr;
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return nullptr;
  List* mapped =
      map_partition_varattnos(list_make1(make_ands_explicit(constraint)), 1, relation, parent);
  (void)name_hashed_table(static_cast<Node*>(linitial(mapped)), nullptr);
  const char* text = print(static_cast<Node*>(linitial(mapped)), table);
  RelationClose(relation);
  return text;
}

bool lock_ancestors(Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, get_partition_ancestors(table)) {
    if (!lock_without_waiting(lfirst_oid(cell))) return false;
  }
  return true;
}

// With what the parent's own bounds ask of the rows.
List* whole_constraint(::Relation parent, List* bound) {
  if (!parent->rd_rel->relispartition) return bound;
  if (!lock_ancestors(RelationGetRelid(parent))) return NIL;
  return list_concat(list_copy(bound), RelationGetPartitionQual(parent));
}

// The server builds its test of a hash partition without a collation; over such columns the parser
// gives every copy of it one, and the two are never the same.
bool has_no_equal(::Relation parent) {
  PartitionKey key = RelationGetPartitionKey(parent);
  if (key->strategy != PARTITION_STRATEGY_HASH) return false;
  for (int i = 0; i < key->partnatts; i++) {
    if (OidIsValid(key->parttypcoll[i])) return true;
  }
  return false;
}

BoundSql print_bound(Oid parent_id, Oid partition, Oid default_partition,
                     const PartitionBoundSpec* raw) {
  BoundSql sql{};
  ::Relation parent = RelationIdGetRelation(parent_id);
  if (parent == nullptr) return sql;
  auto* given =
      static_cast<PartitionBoundSpec*>(copyObjectImpl(const_cast<PartitionBoundSpec*>(raw)));
  PartitionBoundSpec* bound = transformPartitionBound(make_parsestate(nullptr), parent, given);
  sql.bound = pg::under_pinned_search_path(
      [&] { return deparse_expression(reinterpret_cast<Node*>(bound), NIL, false, false); });
  if (!bound->is_default) {
    List* qual = get_qual_from_partbound(parent, bound);
    sql.unprovable = has_no_equal(parent);
    if (!sql.unprovable) {
      sql.constraint = print_for(whole_constraint(parent, qual), parent, partition);
    }
    if (OidIsValid(default_partition)) {
      sql.default_constraint =
          print_for(get_proposed_default_constraint(qual), parent, default_partition);
    }
  }
  RelationClose(parent);
  return sql;
}

// Definitions are compared by their text: what follows the table's name. The columns of the index
// are in the names that the server would choose, in the order in which it would. $1: parent, $2:
// partition.
constexpr const char* kMissingIndexes = R"sql(
WITH indexes AS (
  SELECT i.indexrelid, i.indrelid, i.indisunique,
         substring(pg_get_indexdef(i.indexrelid) FROM ' USING .*$') AS tail,
         coalesce(k.contype::text, '') AS contype,
         CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
              WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END AS deferral
    FROM pg_index i
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
                             AND k.conrelid = i.indrelid
   WHERE i.indrelid IN ($1::oid, $2::oid) AND (i.indisvalid OR i.indrelid = $1::oid))
SELECT (SELECT string_agg(attname, '_' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = wanted.indexrelid),
       contype, deferral, tail, indisunique
  FROM indexes AS wanted
 WHERE indrelid = $1::oid AND contype <> 'x'
   AND NOT EXISTS (SELECT FROM indexes AS own
                    WHERE own.indrelid = $2::oid AND own.tail = wanted.tail
                      AND own.indisunique = wanted.indisunique
                      AND (wanted.contype = '' OR own.contype <> ''))
 ORDER BY indexrelid)sql";

constexpr const char* kMissingKeys = R"sql(
SELECT pg_get_constraintdef(wanted.oid)
  FROM pg_constraint wanted
 WHERE wanted.conrelid = $1::oid AND wanted.contype = 'f'
   AND NOT EXISTS (SELECT FROM pg_constraint own
                    WHERE own.conrelid = $2::oid AND own.contype = 'f' AND own.convalidated
                      AND pg_get_constraintdef(own.oid) = pg_get_constraintdef(wanted.oid))
 ORDER BY wanted.conname)sql";

std::string_view constraint_word(std::string_view type) {
  if (type.empty()) return {};
  return type == "p" ? "PRIMARY KEY" : "UNIQUE";
}

void add_missing(Oid parent, Oid partition, NewPartition& result) {
  const bool locked =
      pg::call([&] { return lock_without_waiting(parent) && lock_without_waiting(partition); });
  if (!locked) return;
  const Text above = number(parent);
  const Text below = number(partition);
  const pg::Rows indexes = pg::query(kMissingIndexes, {above.c_str(), below.c_str()});
  for (int i = 0; i < indexes.rows; i++) {
    MissingIndex index;
    index.part = indexes.text(i, 0);
    index.constraint = constraint_word(indexes.text(i, 1));
    index.deferral = indexes.text(i, 2);
    index.definition = indexes.text(i, 3);
    index.unique = indexes.text(i, 4) == "t";
    result.missing_indexes.push_back(std::move(index));
  }
  const pg::Rows keys = pg::query(kMissingKeys, {above.c_str(), below.c_str()});
  for (int i = 0; i < keys.rows; i++) result.missing_keys.emplace_back(keys.text(i, 0));
}

const PartitionBoundSpec* bound_of(const Action& action) {
  if (action.kind == ActionKind::kCreatePartition) {
    return static_cast<const CreateStmt*>(action.node)->partbound;
  }
  return static_cast<const PartitionCmd*>(action.node)->bound;
}

BoundSql analyse_bound(Oid parent, Oid partition, Oid other, const PartitionBoundSpec* bound) {
  try {
    return pg::call([&] { return print_bound(parent, partition, other, bound); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // Bounds that are no values of the key.
    throw Refused{};
  }
}

void keep(const char* from, Text& to) {
  if (from != nullptr) to = from;
}

}  // namespace

NewPartition CatalogFacts::new_partition(const Relation& parent, const Action& action) {
  NewPartition result;
  result.default_partition = default_partition(parent);
  Oid partition = InvalidOid;
  if (action.kind == ActionKind::kAttachPartition) {
    const auto attached = relation(action.other);
    if (!attached) throw Refused{};
    partition = attached->id;
  }
  const Oid other = result.default_partition ? result.default_partition->id : InvalidOid;
  const BoundSql sql = analyse_bound(parent.id, partition, other, bound_of(action));
  keep(sql.bound, result.bound);
  result.unprovable = sql.unprovable;
  keep(sql.constraint, result.constraint);
  keep(sql.default_constraint, result.default_constraint);
  if (OidIsValid(partition)) add_missing(parent.id, partition, result);
  return result;
}

}  // namespace db_guard::ddl
