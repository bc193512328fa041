#include "columns/install.hpp"

#include "columns/advice.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace db_guard::columns {

namespace {

using core::concat;
using core::Error;

constexpr const char* kTarget = R"sql(
SELECT c.oid::regclass, n.nspname, c.relname, c.relkind, pg_has_role(c.relowner, 'USAGE')
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = $1::oid)sql";

constexpr const char* kColumn = R"sql(
SELECT atttypid = ANY ($3::regtype[]), format_type(atttypid, atttypmod),
       attgenerated <> '' OR attidentity <> '', attnotnull
  FROM pg_attribute
 WHERE attrelid = $1::oid AND attname = $2 AND attnum > 0 AND NOT attisdropped)sql";

constexpr const char* kColumnNames = R"sql(
SELECT attname FROM pg_attribute
 WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped
 ORDER BY attnum)sql";

// Of a partition: first the one that it has from its parent.
constexpr const char* kExisting = R"sql(
SELECT tgname, (db_guard.split_arguments(tgargs))[2:] = $4::text[] AND tgenabled <> 'D',
       tgparentid <> 0
  FROM pg_trigger
 WHERE tgrelid = $1::oid AND tgfoid = format('db_guard.%I()', $2)::regprocedure
   AND (db_guard.split_arguments(tgargs))[1] = $3
 ORDER BY tgparentid <> 0 DESC, tgname LIMIT 1)sql";

constexpr const char* kOtherColumn = R"sql(
SELECT (db_guard.split_arguments(tgargs))[1]
  FROM pg_trigger
 WHERE tgrelid = $1::oid AND tgfoid = format('db_guard.%I()', $2)::regprocedure
   AND (db_guard.split_arguments(tgargs))[1] <> $3 LIMIT 1)sql";

// A partition gets a trigger under the name that its parent's has, and may have had one before it
// was attached.
constexpr const char* kFreeName = R"sql(
SELECT name
  FROM (SELECT $2 || CASE n WHEN 1 THEN '' ELSE '_' || n END AS name, n
          FROM generate_series(1, 1000) AS n) AS candidate
 WHERE NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgname = name
                      AND tgrelid IN (SELECT $1::oid
                                      UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)))
 ORDER BY n LIMIT 1)sql";

constexpr const char* kCreate = R"sql(
SELECT format('CREATE %s TRIGGER %I ', $1, $2) || format($3, $4)
       || format(' ON %s FOR EACH ROW EXECUTE FUNCTION db_guard.%I(%s)', $5, $6,
                 (SELECT string_agg(quote_literal(argument), ', ' ORDER BY place)
                    FROM unnest(ARRAY[$4] || $7::text[]) WITH ORDINALITY AS a (argument, place))))sql";

constexpr const char* kDrops = R"sql(
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
  FROM pg_trigger
 WHERE tgrelid = $1::oid AND tgparentid = 0
   AND tgfoid = format('db_guard.%I()', $2)::regprocedure
   AND (db_guard.split_arguments(tgargs))[1] = $3
 ORDER BY tgname)sql";

// Statement triggers are not handed down to partitions, each of which TRUNCATE may name.
constexpr const char* kUnguarded = R"sql(
SELECT format('CREATE TRIGGER "A_db_guard_refuse_truncate" BEFORE TRUNCATE ON %s '
              'FOR EACH STATEMENT EXECUTE FUNCTION db_guard.refuse_truncate()', tree.relid::regclass)
  FROM (SELECT $1::oid AS relid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) AS tree
  JOIN pg_class AS c ON c.oid = tree.relid AND c.relkind IN ('r', 'p')
 WHERE EXISTS (SELECT FROM pg_trigger
                WHERE tgrelid = tree.relid AND tgfoid = 'db_guard.keep_deleted_row()'::regprocedure)
   AND NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = tree.relid
                      AND tgfoid = 'db_guard.refuse_truncate()'::regprocedure)
 ORDER BY tree.relid)sql";

// A partition may have soft delete of its own, which stays.
constexpr const char* kNeedless = R"sql(
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
  FROM (SELECT $1::oid AS relid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) AS tree
  JOIN pg_class AS c ON c.oid = tree.relid AND pg_has_role(c.relowner, 'USAGE')
  JOIN pg_trigger AS t
    ON t.tgrelid = tree.relid AND t.tgfoid = 'db_guard.refuse_truncate()'::regprocedure
 WHERE NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = tree.relid
                      AND tgfoid = 'db_guard.keep_deleted_row()'::regprocedure)
 ORDER BY t.tgrelid)sql";

constexpr const char* kInPartitionKey = R"sql(
SELECT p.partrelid::regclass
  FROM (SELECT $1::oid AS relid
        UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
        UNION SELECT relid FROM pg_partition_ancestors($1::oid::regclass)) AS tree
  JOIN pg_partitioned_table AS p ON p.partrelid = tree.relid
  JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attname = $2
 WHERE a.attnum = ANY (p.partattrs::smallint[])
    OR pg_get_partkeydef(p.partrelid) ~ ('\m' || regexp_replace($2, '\W', '.', 'g') || '\M')
 LIMIT 1)sql";

Text array_of(const Vector<Text>& options) {
  Text array("{");
  for (const Text& option : options) {
    if (array.size() > 1) array.append(",");
    array.append(option);
  }
  return array.append("}");
}

bool is_true(const pg::Rows& rows, int row, int column) { return rows.text(row, column) == "t"; }

core::Place place_of(const Target& target, const char* column = "") {
  return {target.schema, target.table, Text(column), {}};
}

Text quoted(const char* name) {
  return Text(pg::query("SELECT quote_ident($1)", {name}).text(0, 0));
}

[[noreturn]] void refuse_missing_column(const Target& target, const Wish& wish) {
  const pg::Rows names = pg::query(kColumnNames, {wish.table});
  Vector<std::string_view> candidates;
  for (int row = 0; row < names.rows; row++) candidates.push_back(names.text(row, 0));
  const Vector<Text> matches = core::closest(wish.column, candidates);
  Text hint = matches.empty()
                  ? concat({"ALTER TABLE ", target.name, " ADD COLUMN ", quoted(wish.column), " ",
                            wish.feature->type_example, "; adds one."})
                  : concat({"Did you mean ", core::list_of(matches, 3), "?"});
  throw Error("42703", concat({"table ", target.name, " has no column \"", wish.column, "\""}), {},
              std::move(hint))
      .at(place_of(target, wish.column));
}

void check_column(const Target& target, const Wish& wish) {
  const Feature& feature = *wish.feature;
  const pg::Rows column = pg::query(kColumn, {wish.table, wish.column, feature.types});
  if (column.rows == 0) refuse_missing_column(target, wish);
  const auto subject = concat({"column \"", wish.column, "\" of table ", target.name});
  if (!is_true(column, 0, 0)) {
    throw Error("42804", concat({subject, " is of type ", column.text(0, 1)}),
                concat({"For ", feature.name, " it must be ", feature.type_words, "."}),
                concat({"Name another column, or add one of type ", feature.type_example, "."}))
        .at(place_of(target, wish.column));
  }
  if (is_true(column, 0, 2)) {
    throw Error("428C9", concat({subject, " is generated"}), {},
                Text("A trigger cannot set it: name a plain column."))
        .at(place_of(target, wish.column));
  }
  if (feature.must_be_nullable && is_true(column, 0, 3)) {
    throw Error("23502", concat({subject, " is NOT NULL"}),
                Text("It must be NULL in the rows that are not deleted."),
                concat({"ALTER TABLE ", target.name, " ALTER COLUMN ", quoted(wish.column),
                        " DROP NOT NULL;"}))
        .at(place_of(target, wish.column));
  }
}

void check_soft_delete(const Target& target, const Wish& wish) {
  const pg::Rows other = pg::query(kOtherColumn, {wish.table, wish.feature->function, wish.column});
  if (other.rows > 0) {
    throw Error("55000",
                concat({"soft delete of table ", target.name, " is enabled for column \"",
                        other.text(0, 0), "\""}),
                {}, Text("Disable it there first."))
        .at(place_of(target, wish.column));
  }
  const pg::Rows key = pg::query(kInPartitionKey, {wish.table, wish.column});
  if (key.rows == 0) return;
  throw Error("0A000",
              concat({"column \"", wish.column, "\" is in the partition key of ", key.text(0, 0)}),
              Text("A deleted row goes back to the partition that it was in."),
              Text("Partition by another column."))
      .at(place_of(target, wish.column));
}

void check_wish(const Target& target, const Wish& wish) {
  check_column(target, wish);
  if (wish.feature == &kSoftDelete) check_soft_delete(target, wish);
}

Text free_name(const Target& target, const Wish& wish) {
  const Text first = concat({wish.feature->trigger_name, target.partitioned ? "_parent" : ""});
  const pg::Rows name = pg::query(kFreeName, {wish.table, first.c_str()});
  if (name.rows == 0) throw Error("42710", Text("there is no free name for the trigger"));
  return Text(name.text(0, 0));
}

void run(const pg::Rows& statements) {
  for (int row = 0; row < statements.rows; row++) pg::query(statements.at(row, 0));
}

void put_trigger(const Target& target, const Wish& wish, const Text& name, bool replace) {
  pg::query(create_statement(wish, target.name, name, replace).c_str());
  if (wish.feature == &kSoftDelete) guard_truncate(wish.table);
  // Now that nobody else can change it.
  check_wish(target, wish);
}

pg::Rows existing_trigger(const Wish& wish) {
  return pg::query(
      kExisting, {wish.table, wish.feature->function, wish.column, array_of(wish.options).c_str()});
}

// As asked for.
bool is_enabled(const pg::Rows& existing) { return existing.rows > 0 && is_true(existing, 0, 1); }

// The lock that CREATE TRIGGER takes.
void lock_writers_out(const char* table) {
  const Oid id = static_cast<Oid>(std::strtoul(table, nullptr, 10));
  pg::call([&] { LockRelationOid(id, ShareRowExclusiveLock); });
}

[[noreturn]] void refuse_child(const Target& target, std::string_view feature) {
  throw Error("55000",
              concat({"table ", target.name, " has the trigger of ", feature, " from its parent"}),
              {}, Text("Enable and disable it on the partitioned table."))
      .at(place_of(target));
}

}  // namespace

Target owned_target(const char* table) {
  const pg::Rows row = pg::query(kTarget, {table});
  if (row.rows == 0) {
    throw Error("42P01", concat({"there is no relation with OID ", table}), {},
                Text("It was dropped."));
  }
  Target target{Text(row.text(0, 0)), Text(row.text(0, 1)), Text(row.text(0, 2)),
                row.text(0, 3) == "p"};
  if (row.text(0, 3) != "r" && !target.partitioned) {
    throw Error("42809", concat({"\"", target.table, "\" is not a table"}),
                Text("Column triggers are for tables and partitioned tables."))
        .at(place_of(target));
  }
  if (!is_true(row, 0, 4)) {
    throw Error("42501", concat({"must be owner of table ", target.table})).at(place_of(target));
  }
  return target;
}

Text create_statement(const Wish& wish, const Text& target, std::string_view trigger,
                      bool replace) {
  const Text name(trigger);
  const pg::Rows statement = pg::query(
      kCreate, {replace ? "OR REPLACE" : "", name.c_str(), wish.feature->events, wish.column,
                target.c_str(), wish.feature->function, array_of(wish.options).c_str()});
  return Text(statement.text(0, 0));
}

bool enable(const Wish& wish) {
  const Target target = owned_target(wish.table);
  check_wish(target, wish);
  if (is_enabled(existing_trigger(wish))) return false;
  // Two sessions that enable the same must not both find nothing there.
  lock_writers_out(wish.table);
  const pg::Rows existing = existing_trigger(wish);
  if (is_enabled(existing)) return false;
  const bool exists = existing.rows > 0;
  if (exists && is_true(existing, 0, 2)) refuse_child(target, wish.feature->name);
  const Text name = exists ? Text(existing.text(0, 0)) : free_name(target, wish);
  put_trigger(target, wish, name, exists);
  give_advice(target.name, wish, name);
  return true;
}

bool disable(const Feature& feature, const char* table, const char* column) {
  const Target target = owned_target(table);
  const pg::Rows existing = pg::query(kExisting, {table, feature.function, column, "{}"});
  if (existing.rows == 0) return false;
  if (is_true(existing, 0, 2)) refuse_child(target, feature.name);
  run(pg::query(kDrops, {table, feature.function, column}));
  if (&feature == &kSoftDelete) guard_truncate(table);
  return true;
}

void guard_truncate(const char* table) {
  run(pg::query(kNeedless, {table}));
  run(pg::query(kUnguarded, {table}));
}

bool fits(const Feature& feature, const char* table, const char* column) {
  const pg::Rows row = pg::query(kColumn, {table, column, feature.types});
  return row.rows > 0 && is_true(row, 0, 0) && !is_true(row, 0, 2) &&
         !(feature.must_be_nullable && is_true(row, 0, 3));
}

}  // namespace db_guard::columns
