#include "columns/advice.hpp"

#include "core/text.hpp"
#include "pg/spi.hpp"

namespace db_guard::columns {

namespace {

using core::concat;

// Key and INCLUDE columns, expressions and predicates all count. BRIN does not, from 16 on.
constexpr const char* kIndexes = R"sql(
SELECT DISTINCT i.indexrelid::regclass::text
  FROM (SELECT $1::oid AS relid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) AS tree
  JOIN pg_attribute AS a ON a.attrelid = tree.relid AND a.attname = $2
  JOIN pg_index AS i ON i.indrelid = tree.relid
  JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_am AS m ON m.oid = c.relam
 WHERE (a.attnum = ANY (i.indkey::smallint[])
        OR EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = i.indexrelid
                      AND refclassid = 'pg_class'::regclass AND refobjid = i.indrelid
                      AND refobjsubid = a.attnum))
   AND NOT (m.amname = 'brin' AND current_setting('server_version_num')::integer >= 160000)
 ORDER BY 1)sql";

// BEFORE UPDATE FOR EACH ROW and behind ours in the order of names.
constexpr const char* kLaterTriggers = R"sql(
SELECT tgname
  FROM pg_trigger
 WHERE tgrelid = $1::oid AND tgtype & 19 = 19 AND tgname::text COLLATE "C" > $2
   AND tgfoid NOT IN ('db_guard.set_updated_at()'::regprocedure,
                      'db_guard.count_row_version()'::regprocedure,
                      'db_guard.set_created_by()'::regprocedure)
 ORDER BY tgname)sql";

constexpr const char* kUniqueIndexes = R"sql(
SELECT i.indexrelid::regclass
  FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = $2
 WHERE i.indrelid = $1::oid AND i.indisunique AND NOT i.indisprimary
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = i.indexrelid
                      AND refclassid = 'pg_class'::regclass AND refobjid = i.indrelid
                      AND refobjsubid = a.attnum)
 ORDER BY i.indexrelid::regclass::text)sql";

// Other tables' rows that a DELETE here really deletes, and tables whose DELETE would have to
// delete rows here.
constexpr const char* kCascades = R"sql(
SELECT f.conname,
       CASE WHEN f.confrelid = $1::oid THEN f.conrelid ELSE f.confrelid END::regclass,
       f.confrelid = $1::oid
  FROM pg_constraint AS f
 WHERE f.contype = 'f' AND f.confdeltype = 'c' AND f.conparentid = 0
   AND (f.confrelid = $1::oid OR f.conrelid = $1::oid) AND f.confrelid <> f.conrelid
   AND NOT EXISTS (SELECT FROM pg_trigger AS t
                    WHERE t.tgfoid = 'db_guard.keep_deleted_row()'::regprocedure
                      AND t.tgrelid = CASE WHEN f.confrelid = $1::oid THEN f.conrelid
                                           ELSE f.confrelid END)
 ORDER BY f.conname)sql";

void tell(int level, const Text& message, const Text& detail, const Text& hint) {
  const char* m = message.c_str();
  const char* d = detail.c_str();
  const char* h = hint.c_str();
  pg::call([&] {
    ereport(level, (errmsg_internal("%s", m), errdetail_internal("%s", d), errhint("%s", h)));
  });
}

Text names_in(const pg::Rows& rows) {
  Vector<Text> names;
  for (int row = 0; row < rows.rows; row++) names.emplace_back(rows.text(row, 0));
  return core::list_of(names, 5);
}

void warn_of_indexes(const Text& target, const Wish& wish) {
  const pg::Rows indexes = pg::query(kIndexes, {wish.table, wish.column});
  if (indexes.rows == 0) return;
  tell(WARNING, concat({"every UPDATE of table ", target, " now writes to all its indexes"}),
       concat({"Column \"", wish.column, "\" changes with every UPDATE and is in ",
               names_in(indexes), ", so no UPDATE can be HOT."}),
       Text("Drop the index, or replace it by a BRIN index on PostgreSQL 16 and later."));
}

void warn_of_later_triggers(const Text& target, const Wish& wish, const Text& trigger) {
  const pg::Rows later = pg::query(kLaterTriggers, {wish.table, trigger.c_str()});
  if (later.rows == 0) return;
  tell(WARNING,
       concat({"what ", names_in(later), " changes in rows of table ", target, " is not seen by ",
               trigger}),
       Text("BEFORE triggers fire in the order of their names."),
       concat(
           {"Give it a name that sorts before: ALTER TRIGGER ... ON ", target, " RENAME TO ...;"}));
}

void propose_indexes(const Text& target, const Wish& wish) {
  const pg::Rows indexes = pg::query(kUniqueIndexes, {wish.table, wish.column});
  if (indexes.rows == 0) return;
  tell(NOTICE, concat({"deleted rows of table ", target, " still count for ", names_in(indexes)}),
       Text("A row that was deleted can then not be made again."),
       concat({"SELECT * FROM db_guard.propose_living_indexes('", target,
               "') says how to make them partial."}));
}

void warn_of_cascade(const Text& target, std::string_view constraint, std::string_view other,
                     bool other_is_child) {
  if (other_is_child) {
    tell(WARNING,
         concat({"deleting rows of table ", target, " will really delete rows of ", other}),
         concat({"Foreign key ", constraint, " is ON DELETE CASCADE, and ", other,
                 " has no soft delete."}),
         concat({"SELECT db_guard.enable_soft_delete('", other, "') first."}));
    return;
  }
  tell(WARNING,
       concat({"rows of ", other, " can no longer be deleted while rows of table ", target,
               " refer to them"}),
       concat({"Foreign key ", constraint, " is ON DELETE CASCADE, the rows of ", target,
               " stay, and ", other, " has no soft delete."}),
       concat({"SELECT db_guard.enable_soft_delete('", other, "'), too."}));
}

void warn_of_cascades(const Text& target, const Wish& wish) {
  const pg::Rows keys = pg::query(kCascades, {wish.table});
  for (int row = 0; row < keys.rows; row++) {
    warn_of_cascade(target, keys.text(row, 0), keys.text(row, 1), keys.text(row, 2) == "t");
  }
}

}  // namespace

void give_advice(const Text& target, const Wish& wish, const Text& trigger) {
  if (wish.feature->changes_every_update) {
    warn_of_indexes(target, wish);
    warn_of_later_triggers(target, wish, trigger);
  }
  if (wish.feature == &kSoftDelete) {
    propose_indexes(target, wish);
    warn_of_cascades(target, wish);
  }
}

}  // namespace db_guard::columns
