// What the rules may ask about the database. The server answers through ddl/catalog_facts.cpp; unit
// tests answer with their own. Answers are read without any lock on a user relation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ddl/lock.hpp"
#include "ddl/statement.hpp"
#include "ddl/transaction.hpp"

namespace db_guard::ddl {

// Thrown out of Facts when the server itself will refuse the statement (no such type, no right to
// look into the schema ...). Nothing needs judging then.
struct Refused {};

struct Relation {
  std::uint32_t id = 0;
  Text schema;      // raw
  Text name;        // raw
  Text display;     // qualified and quoted: runnable SQL under any search_path
  char kind = 'r';  // pg_class.relkind
  bool temporary = false;
  bool created_in_transaction = false;
  bool owned = false;  // the current role may run DDL on it
  bool is_partition = false;
  bool has_children = false;  // partitions or inheriting tables
  bool only = false;          // the statement says ONLY: sizes leave descendants out
  int columns = 0;            // that it ever had: dropped ones keep their place

  [[nodiscard]] bool partitioned() const { return kind == 'p'; }
  [[nodiscard]] bool has_rows() const { return kind == 'r' || kind == 'p' || kind == 'm'; }
};

// Of a table with partitions or inheriting tables: the sum over all that have rows of their own.
struct Size {
  std::uint64_t bytes = 0;   // heap and TOAST, or the index
  double rows = -1;          // the planner's estimate; below 0 when never analysed
  std::uint32_t leaves = 0;  // partitions or descendants
  std::uint32_t indexes = 0;
  bool assumed = false;  // bytes is no measure: the relation is taken for a large one
};

struct Column {
  std::int16_t number = 0;
  Text name;
  Text type;  // as format_type prints it, with COLLATE where it is not the type's own
  bool not_null = false;
  bool has_default = false;
  bool comparable = true;  // its type has an equality operator
  bool composite = false;  // IS NULL is true of a row of NULLs, too
};

struct NewColumn {
  Text type;                   // with STORAGE, COMPRESSION and COLLATE
  Text base_type;              // of a constrained domain: what to make the column of instead
  Vector<Text> domain_checks;  // of one: "VALUE > 0"
  Text default_sql;            // deparsed; empty without a default
  bool has_default = false;
  bool volatile_default = false;
  bool serial = false;
  bool identity = false;
  bool identity_always = false;
  bool stored_generated = false;
  bool virtual_generated = false;
  bool constrained_domain = false;
  bool not_null = false;   // by itself or its domain
  bool composite = false;  // IS NULL is true of a row of NULLs, too
};

// What a generated column is computed from, as SQL over the table's columns and over NEW's. Empty
// where that could not be had without waiting for a lock, or is about a column that is yet to come.
struct Generation {
  Text expression;
  Text expression_of_new;
  bool comparable = true;  // the type has an equality operator
};

// A constraint that would make a column NOT NULL, or prove it, if only it were validated.
struct NotNullPromise {
  Text constraint;      // raw; empty: there is none
  bool native = false;  // NOT NULL itself, from 18 on, and no CHECK
};

struct ForeignKey {
  Text constraint;   // raw
  Text other_table;  // display
  std::uint64_t other_bytes = 0;
  bool other_assumed = false;  // see Size::assumed
  bool referencing = false;    // the altered table is the one with the key
};

// Which values the new type of a column has a place for.
enum class Fit : std::uint8_t {
  kEvery,
  kSome,     // the others make the server refuse
  kChanged,  // others come out changed: rounded, or cut
};

// Values that do not fit, as far as they were found.
struct Misfits {
  bool searched = false;  // false: not allowed to look, or a lock was in the way
  bool complete = false;  // the search ended within its time
  Text error;             // what the server says of the first that it cannot convert
  Vector<Text> examples;  // "0.125 becomes 0.13"
};

struct TypeChange {
  bool refused = false;  // the server will not do it at all
  Fit fit = Fit::kEvery;
  bool converts = false;  // by a USING expression
  Text fits;              // SQL that is true of the values that fit; empty where they all do
  bool rewrite = false;
  bool composite = false;  // of the new type: IS NULL is true of a row of NULLs, too
  Text old_type;
  Text new_type;
  // The converted value as SQL over the table's columns, and over NEW's; empty where it could not
  // be had without waiting for a lock.
  Text conversion;
  Text conversion_of_new;
  Vector<Text> rebuilt_indexes;  // display
  Vector<ForeignKey> foreign_keys;
  Vector<Text> checked;            // CHECK constraints that are verified again, raw
  Vector<Text> check_definitions;  // "name CHECK (...)" of each that could be read at once
  bool foreign_keys_checked = false;
};

// Something that would notice a column or relation going away.
struct Dependent {
  std::string_view kind;  // "view", "function", "policy", "index", "constraint", "publication", ...
  Text name;
  bool certain = true;  // false: found in a function's text, not in pg_depend
};

// What hangs on a column, as SQL that names it: a column that takes its place must get the same.
struct Belongings {
  struct Key {
    Text name;        // raw, of index and constraint
    Text definition;  // what stands behind the table's name in CREATE INDEX
    bool unique = false;
    std::string_view constraint;  // "PRIMARY KEY", "UNIQUE"; empty for an index of its own
    Text deferral;                // " DEFERRABLE INITIALLY DEFERRED"
  };
  struct Constraint {
    Text name;        // raw
    Text definition;  // "CHECK (...)", "FOREIGN KEY ..."
    bool validated = false;
  };
  // A foreign key of another table that refers to the column.
  struct Reference {
    Relation table;
    Constraint key;
  };
  bool known = false;  // false: reading them would have to wait for a lock
  Text obstacle;       // what no other column can take over, or empty
  Vector<Key> keys;
  Vector<Constraint> constraints;
  Vector<Reference> references;
  // Statements about default, sequence, comment, statistics target and grants; and those that make
  // extended statistics, whose names are taken as long as the column stands.
  Vector<Text> properties;
  Vector<Text> statistics;
};

struct Index {
  std::uint32_t id = 0;
  Text schema;
  Text name;
  Text display;
  bool valid = true;
  bool unique = false;
  bool backs_constraint = false;
  bool exclusion = false;  // of an EXCLUDE constraint
  bool partitioned = false;
  bool is_partition = false;
};

struct IndexUse {
  double scans = 0;
  Text last_scan;  // timestamp; empty when never or not recorded (before PostgreSQL 16)
  bool last_scan_recorded = false;
  Text stats_since;  // timestamp of the last reset; empty when never
  Text definition;   // pg_get_indexdef; empty, as is `twin`, when reading it would have to wait
  bool replica_identity = false;
  Vector<Text> foreign_keys;  // keys of this table that no other index would serve
  Text twin;                  // another valid index with the same columns and predicate
};

// What an index would bring along as the index of a constraint.
struct KeyIndex {
  Vector<Text> columns;  // raw names of its keys; empty string for an expression
  Text flaw;             // why no constraint can have it: "it is not unique"; empty where one can
  Text definition;       // pg_get_indexdef; empty where reading it would have to wait
};

// An index that serves all that another one would serve.
struct SimilarIndex {
  Text display;
  bool same = false;  // neither is more than the other
};

struct KnownConstraint {
  char type = 'c';          // pg_constraint.contype
  std::uint32_t other = 0;  // of a foreign key, the referenced relation
  Text definition;          // of a foreign key, as pg_get_constraintdef prints it
  Vector<Text> dependents;  // foreign keys that rely on it: "orders_user_id_fkey of public.orders"
};

// The two sides of a foreign key, where their types do not go well together.
struct KeyMismatch {
  Text column;  // raw
  Text type;
  Text other_column;  // raw
  Text other_type;
  bool hides_index = false;  // no index on the column can serve the key
  bool too_narrow = false;   // the column cannot hold all that may be referenced
};

struct CheckFacts {
  Text column;         // the only one that it names, raw; empty where there are none or several
  Text unsteady_call;  // a function in it that may answer otherwise tomorrow
  bool calls_volatile = false;  // that function is volatile, not just stable
};

struct Duplicates {
  bool searched = false;  // false: not allowed to look, or a lock was in the way
  bool complete = false;  // the search ended within its time
  Vector<Text> examples;  // "(email)=(a@b.c) 2 times"
};

struct Session {
  int pid = 0;  // 0: a prepared transaction
  Text application;
  std::int64_t transaction_ms = -1;  // how long its transaction is open; below 0 when not known
  // An autovacuum that must not be put off: where others give way, this one does not.
  bool wraparound_vacuum = false;
};

struct DisabledTrigger {
  Text name;        // raw
  Text constraint;  // raw; of a trigger that the server made to check a foreign key
};

// A foreign key and its columns, raw.
struct KeyColumns {
  Text constraint;
  Vector<Text> columns;
  Text other_table;  // display
};

// What the cumulative statistics have seen of a table, its partitions and their indexes.
struct TableUse {
  double scans = 0;    // by queries, as far as they can be told from those of DDL
  double changes = 0;  // rows inserted, updated and deleted
  Text last_scan;      // timestamp; empty when never or not recorded (before PostgreSQL 16)
  Text stats_since;    // timestamp of the last reset; empty when never
};

// An index of a partitioned table that a new partition has none for.
struct MissingIndex {
  Text part;        // of the name that the server would give it: its columns, raw
  Text constraint;  // "PRIMARY KEY" or "UNIQUE", or empty
  Text deferral;    // " DEFERRABLE ..." of that constraint
  Text definition;  // what follows the table's name in CREATE INDEX, with a blank in front
  bool unique = false;
};

// What ATTACH PARTITION, or CREATE TABLE ... PARTITION OF, asks of the rows. Texts are SQL over the
// columns of the table that they are about, and empty where they could not be had without waiting.
struct NewPartition {
  Text constraint;          // that the rows of an attached table have to fulfil
  bool unprovable = false;  // no constraint of the table can imply it
  std::optional<Relation> default_partition;
  Text default_constraint;  // that the rows of the default partition have to fulfil
  Vector<MissingIndex> missing_indexes;
  Vector<Text> missing_keys;  // definitions of foreign keys
  Text bound;                 // "FOR VALUES ..." or "DEFAULT", as the server prints it
};

struct MaterializedView {
  bool populated = false;
  bool has_unique_index = false;  // that REFRESH ... CONCURRENTLY could use
};

struct RowSecurity {
  bool enabled = false;
  Vector<Text> permissive_policies;  // raw names
};

// A column that has a type, or an array of it.
struct TypedColumn {
  Relation relation;
  Text column;  // raw
  bool array = false;
};

class Facts {
 public:
  virtual ~Facts() = default;

  virtual int server_major() = 0;
  virtual bool in_transaction_block() = 0;
  virtual std::int64_t lock_timeout_ms() = 0;
  virtual std::int64_t maintenance_work_mem_kb() = 0;
  // What the transaction has done in earlier statements.
  virtual const Transaction& transaction() = 0;
  // Rules are asked once more before commit.
  virtual bool judges_end_of_transaction() { return false; }

  // nullopt: no such relation or index. Names resolve as the server would resolve them.
  virtual std::optional<Relation> relation(const ObjectName& name) = 0;
  virtual std::optional<Relation> relation_by_id(std::uint32_t id) = 0;
  virtual std::optional<Index> index(const ObjectName& name) = 0;
  virtual std::optional<Relation> table_of(const Index& index) = 0;
  virtual std::optional<Column> column(const Relation& relation, std::string_view name) = 0;

  virtual Size size(const Relation& relation) = 0;
  // Direct partitions.
  virtual Vector<Relation> partitions(const Relation& relation) = 0;
  // Made by this session, and no other session has used it since.
  virtual bool known_to_nobody_else(const Relation& relation) = 0;
  // The strongest lock that this transaction holds already.
  virtual Lock held_lock(const Relation& relation) = 0;
  virtual Vector<Session> sessions_in_the_way(const Relation& relation, Lock lock) = 0;
  // Whose transactions a CONCURRENTLY command on the relation has to wait for: `lock` is what they
  // hold against it; with `snapshots`, also those that are idle or old and look at any table.
  virtual Vector<Session> transactions_waited_for(const Relation& relation, Lock lock,
                                                  bool snapshots) = 0;

  // The validated constraint that makes the scan of SET NOT NULL unnecessary, or empty.
  virtual Text not_null_proof(const Relation& relation, const Column& column) = 0;
  virtual NewColumn new_column(const Action& action) = 0;
  virtual TypeChange type_change(const Relation& relation, const Action& action) = 0;
  // Looks for values that a change of type would lose or stumble on. Bounded in time.
  virtual Misfits misfits(const Relation& relation, const Action& action) = 0;
  // Of GENERATED and of SET EXPRESSION.
  virtual Generation generation(const Relation& relation, const Action& action) = 0;
  // Of SET DEFAULT.
  virtual bool has_volatile_default(const Relation& relation, const Action& action) = 0;
  virtual NotNullPromise not_null_promise(const Relation& relation, const Column& column) = 0;
  virtual Vector<Dependent> column_dependents(const Relation& relation, const Column& column) = 0;
  virtual Vector<Dependent> relation_dependents(const Relation& relation) = 0;
  virtual Belongings belongings(const Relation& relation, const Column& column) = 0;
  virtual IndexUse index_use(const Relation& relation, const Index& index) = 0;
  virtual KeyIndex key_index(const Relation& relation, const Index& index) = 0;
  // The key columns of the table's index of that name; none where there is no such index.
  virtual Vector<Text> index_columns(const Relation& relation, const Text& index) = 0;
  // Of CREATE INDEX: a valid index that already does what the new one would.
  virtual std::optional<SimilarIndex> similar_index(const Relation& relation,
                                                    const Action& action) = 0;
  virtual std::optional<KnownConstraint> constraint(const Relation& relation,
                                                    std::string_view name) = 0;
  // Of a foreign key that is about to be added.
  virtual bool foreign_key_is_indexed(const Relation& relation, const Vector<Text>& columns) = 0;
  virtual Vector<KeyMismatch> key_mismatches(const Relation& relation, const Relation& other,
                                             const Action& action) = 0;
  virtual CheckFacts check_facts(const Relation& relation, const Action& action) = 0;
  // Publications of its updates or deletes, which need a replica identity.
  virtual Vector<Text> publications_of_changes(const Relation& relation) = 0;
  // Looks for rows that a unique index over the action's key would refuse. Bounded in time.
  virtual Duplicates duplicates(const Relation& relation, const Action& action) = 0;

  // That the transaction has disabled.
  virtual Vector<DisabledTrigger> disabled_triggers(const Relation& relation) = 0;
  // That the transaction has added, and no index of the relation serves.
  virtual Vector<KeyColumns> unindexed_foreign_keys(const Relation& relation) = 0;

  // Of the current role.
  virtual bool is_superuser() = 0;
  // Of the whole server.
  virtual bool may_alter_system(std::string_view setting) = 0;
  // How many sessions are logged in as that role, in any database.
  virtual int sessions_of_role(std::string_view role) = 0;

  virtual Text quote(std::string_view identifier) = 0;
  virtual Text quote_literal(std::string_view text) = 0;
  // Rules that report the same action print ways of which one is gone: names that the other ways
  // have taken are free. Those of earlier actions are not.
  virtual void begin_way() = 0;
  virtual void end_action() = 0;
  // A free name for an index or constraint on `relation`, as the server would choose it.
  virtual Text free_name(const Relation& relation, std::string_view part,
                         std::string_view label) = 0;
  // "<column>_<label>", shortened to what the server allows, that is no column of `relation` yet.
  virtual Text free_column_name(const Relation& relation, std::string_view column,
                                std::string_view label) = 0;

  // Whether the role's rights suffice for that action; owning the relation always does.
  virtual bool may_run(const Relation& relation, ActionKind kind) = 0;
  virtual TableUse table_use(const Relation& relation) = 0;
  // To other tables.
  virtual Vector<ForeignKey> foreign_keys(const Relation& relation) = 0;
  // Raw names, in the order of the key; none without a primary key.
  virtual Vector<Text> primary_key(const Relation& relation) = 0;
  // Functions whose text mentions the name, but for those that have it.
  virtual Vector<Dependent> mentions(std::string_view name) = 0;
  virtual std::optional<Relation> parent_of_partition(const Relation& partition) = 0;
  virtual std::optional<Relation> default_partition(const Relation& parent) = 0;
  // `parent` is partitioned. Throws Refused where the server would refuse the bound.
  virtual NewPartition new_partition(const Relation& parent, const Action& action) = 0;
  // What CREATE TABLE says of the columns, and the relation that exists does not have so.
  virtual Vector<Text> differences(const Relation& relation, const Action& action) = 0;
  virtual MaterializedView materialized_view(const Relation& relation) = 0;
  virtual RowSecurity row_security(const Relation& relation) = 0;
  // In tables that are no partitions.
  virtual Vector<TypedColumn> columns_of_type(const ObjectName& type) = 0;
  // Made in this transaction.
  virtual bool is_new_type(const ObjectName& type) = 0;
  // Raw; where names without a schema are made. Empty where a concurrent DROP has just taken it.
  virtual Text creation_schema() = 0;
  // How many tables, views, sequences, functions and types are in the schema.
  virtual std::uint32_t objects_in_schema(const Text& schema) = 0;
  // Of the kinds that Action::object_kind names; functions go by their name alone.
  virtual bool has_object(std::string_view kind, const ObjectName& name) = 0;
  // What stands where CREATE TABLE would put a table of that name.
  virtual std::optional<Relation> namesake(const ObjectName& name) = 0;
  virtual bool has_database(const Text& database) = 0;
  // Rows that an UPDATE, DELETE or INSERT ... SELECT changes, as the planner estimates; below 0
  // where it could not be asked.
  virtual double changed_rows(const Action& action) = 0;
  // The largest value of an integer column, where an index has it at hand.
  virtual std::optional<double> largest_value(const Relation& relation, const Column& column) = 0;
  // How many locks the server's table of locks has room for.
  virtual std::uint64_t lock_table_size() = 0;
};

}  // namespace db_guard::ddl
