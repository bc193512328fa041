// A constraint that is there, and who relies on it.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

using core::number;

// Printing a foreign key opens no table; a CHECK would, so only the first is printed. $1: relation,
// $2: name.
constexpr const char* kConstraint = R"sql(
SELECT contype, confrelid, CASE contype WHEN 'f' THEN pg_get_constraintdef(oid) END, conindid
  FROM pg_constraint WHERE conrelid = $1::oid AND conname = $2)sql";

// Those of partitions follow their parent's. $1: relation, $2: index.
constexpr const char* kDependents = R"sql(
SELECT quote_ident(conname) || ' of ' || conrelid::regclass
  FROM pg_constraint
 WHERE contype = 'f' AND confrelid = $1::oid AND conindid = $2::oid AND conparentid = 0
 ORDER BY 1)sql";

// Of a partition, those of the tables above it as well. $1: relation.
constexpr const char* kPublications = R"sql(
WITH RECURSIVE above (id) AS (SELECT $1::oid UNION
  SELECT inhparent FROM pg_inherits JOIN above ON inhrelid = id
                        JOIN pg_class ON oid = id AND relispartition)
SELECT quote_ident(p.pubname)
  FROM pg_publication p
 WHERE (p.pubupdate OR p.pubdelete)
   AND (p.puballtables
        OR EXISTS (SELECT FROM pg_publication_rel r JOIN above ON r.prrelid = id
                    WHERE r.prpubid = p.oid)
        OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_class c
                            ON c.relnamespace = n.pnnspid JOIN above ON c.oid = id
                    WHERE n.pnpubid = p.oid))
   AND EXISTS (SELECT FROM pg_class
                WHERE oid = $1::oid AND relpersistence = 'p' AND relkind IN ('r', 'p'))
 ORDER BY 1)sql";

Vector<Text> first_column(const pg::Rows& rows) {
  Vector<Text> result;
  for (int i = 0; i < rows.rows; i++) result.emplace_back(rows.text(i, 0));
  return result;
}

}  // namespace

std::optional<KnownConstraint> read_constraint(const Relation& relation, std::string_view name) {
  const Text id = number(relation.id);
  const Text copy(name);
  const pg::Rows rows = pg::query(kConstraint, {id.c_str(), copy.c_str()});
  if (rows.rows == 0) return std::nullopt;
  KnownConstraint constraint;
  constraint.type = rows.at(0, 0)[0];
  constraint.other = std::uint32_t(std::strtoul(rows.at(0, 1), nullptr, 10));
  constraint.definition = rows.text(0, 2);
  const bool is_key = constraint.type == 'p' || constraint.type == 'u';
  if (!is_key) return constraint;
  constraint.dependents = first_column(pg::query(kDependents, {id.c_str(), rows.at(0, 3)}));
  return constraint;
}

Vector<Text> find_publications_of_changes(const Relation& relation) {
  const Text id = number(relation.id);
  return first_column(pg::query(kPublications, {id.c_str()}));
}

}  // namespace db_guard::ddl
