// Facts from this server's catalogs, read without any lock on a user relation.
#pragma once

#include "ddl/facts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Names are resolved with the current role and search_path. Answers that cost a look at files or a
// scan of catalogs are remembered for the life of the object: one statement.
class CatalogFacts : public Facts {
 public:
  CatalogFacts() = default;
  // With what earlier statements have done; it must outlive the facts.
  explicit CatalogFacts(const Transaction& transaction) : transaction_(&transaction) {}

  int server_major() override;
  bool in_transaction_block() override;
  std::int64_t lock_timeout_ms() override;
  std::int64_t maintenance_work_mem_kb() override;
  const Transaction& transaction() override { return *transaction_; }

  std::optional<Relation> relation(const ObjectName& name) override;
  std::optional<Relation> relation_by_id(std::uint32_t id) override;
  std::optional<Index> index(const ObjectName& name) override;
  std::optional<Relation> table_of(const Index& index) override;
  std::optional<Column> column(const Relation& relation, std::string_view name) override;

  Size size(const Relation& relation) override;
  Vector<Relation> partitions(const Relation& relation) override;
  bool known_to_nobody_else(const Relation& relation) override;
  Lock held_lock(const Relation& relation) override;
  Vector<Session> sessions_in_the_way(const Relation& relation, Lock lock) override;
  Vector<Session> transactions_waited_for(const Relation& relation, Lock lock,
                                          bool snapshots) override;

  Text not_null_proof(const Relation& relation, const Column& column) override;
  NewColumn new_column(const Action& action) override;
  TypeChange type_change(const Relation& relation, const Action& action) override;
  Misfits misfits(const Relation& relation, const Action& action) override;
  Generation generation(const Relation& relation, const Action& action) override;
  bool has_volatile_default(const Relation& relation, const Action& action) override;
  NotNullPromise not_null_promise(const Relation& relation, const Column& column) override;
  Vector<Dependent> column_dependents(const Relation& relation, const Column& column) override;
  Vector<Dependent> relation_dependents(const Relation& relation) override;
  Belongings belongings(const Relation& relation, const Column& column) override;
  IndexUse index_use(const Relation& relation, const Index& index) override;
  Vector<Text> index_columns(const Relation& relation, const Text& index) override;
  KeyIndex key_index(const Relation& relation, const Index& index) override;
  std::optional<SimilarIndex> similar_index(const Relation& relation,
                                            const Action& action) override;
  std::optional<KnownConstraint> constraint(const Relation& relation,
                                            std::string_view name) override;
  bool foreign_key_is_indexed(const Relation& relation, const Vector<Text>& columns) override;
  Vector<KeyMismatch> key_mismatches(const Relation& relation, const Relation& other,
                                     const Action& action) override;
  CheckFacts check_facts(const Relation& relation, const Action& action) override;
  Vector<Text> publications_of_changes(const Relation& relation) override;
  Duplicates duplicates(const Relation& relation, const Action& action) override;

  bool may_run(const Relation& relation, ActionKind kind) override;
  TableUse table_use(const Relation& relation) override;
  Vector<ForeignKey> foreign_keys(const Relation& relation) override;
  Vector<Text> primary_key(const Relation& relation) override;
  Vector<Dependent> mentions(std::string_view name) override;
  std::optional<Relation> parent_of_partition(const Relation& partition) override;
  std::optional<Relation> default_partition(const Relation& parent) override;
  NewPartition new_partition(const Relation& parent, const Action& action) override;
  Vector<Text> differences(const Relation& relation, const Action& action) override;
  MaterializedView materialized_view(const Relation& relation) override;
  RowSecurity row_security(const Relation& relation) override;
  Vector<TypedColumn> columns_of_type(const ObjectName& type) override;
  bool is_new_type(const ObjectName& type) override;
  Text creation_schema() override;
  std::uint32_t objects_in_schema(const Text& schema) override;
  bool has_object(std::string_view kind, const ObjectName& name) override;
  std::optional<Relation> namesake(const ObjectName& name) override;
  bool has_database(const Text& database) override;
  double changed_rows(const Action& action) override;
  std::optional<double> largest_value(const Relation& relation, const Column& column) override;
  std::uint64_t lock_table_size() override;
  Vector<DisabledTrigger> disabled_triggers(const Relation& relation) override;
  Vector<KeyColumns> unindexed_foreign_keys(const Relation& relation) override;

  bool is_superuser() override;
  bool may_alter_system(std::string_view setting) override;
  int sessions_of_role(std::string_view role) override;

  Text quote(std::string_view identifier) override;
  Text quote_literal(std::string_view text) override;
  void begin_way() override;
  void end_action() override;
  Text free_name(const Relation& relation, std::string_view part, std::string_view label) override;
  Text free_column_name(const Relation& relation, std::string_view column,
                        std::string_view label) override;

 protected:
  // The OID behind a name; 0 where there is no such relation.
  virtual std::uint32_t resolve(const ObjectName& name);

 private:
  struct Named {
    ObjectName name;
    std::optional<Relation> relation;
  };
  struct KnownSize {
    std::uint32_t relation;
    bool only;
    Size size;
  };
  // Of the steps proposed so far: not in the catalog yet, but taken.
  struct GivenName {
    std::uint32_t place;  // schema, or the table of a column
    Text base;
    Text name;
  };
  template <class Choose>
  Text give_name(std::uint32_t place, std::string_view base, std::string_view label,
                 Choose&& choose);

  static constexpr Transaction kJustBegun{};
  const Transaction* transaction_ = &kJustBegun;
  std::optional<Named> named_;  // the last that was asked for
  Vector<KnownSize> sizes_;
  Vector<GivenName> given_names_;  // of earlier actions, and of the way that is being printed
  std::size_t given_before_ = 0;   // how many are of earlier actions
  Vector<GivenName> other_ways_;   // of the action at hand
};

// Plain server code: somebody else is connected, or a prepared transaction may be there.
bool may_meet_others();

// Plain server code: no other session can see the relation yet.
bool is_created_in_this_transaction(Oid id);

// Plain server code: ACCESS SHARE, unless that would have to wait. The server's functions that
// print expressions take it on the table, and would wait.
bool lock_without_waiting(Oid id);

// Plain server code: bytes of a relation's heap (or index) and TOAST, and the planner's estimate of
// its rows; `rows` stays as it is where nothing is known.
std::uint64_t bytes_of(Oid id, double* rows);

// The relation of that OID; nullopt when it is gone.
std::optional<Relation> read_relation_by_id(Oid id);

// Heap and TOAST of a relation and, unless ONLY was said, of its descendants.
Size size_of(const Relation& relation);

// The functions behind the members above that fill a file of their own.
Text find_not_null_proof(const Relation& relation, const Column& column);
NewColumn analyse_new_column(const Action& action);
TypeChange analyse_type_change(const Relation& relation, const Action& action, Facts& facts);
Vector<Dependent> find_column_dependents(const Relation& relation, const Column& column);
Vector<Dependent> find_relation_dependents(const Relation& relation);
// Functions whose text mentions the name, but for those that have it.
Vector<Dependent> find_mentions(std::string_view name);
Misfits probe_misfits(const Relation& relation, const Action& action);
Generation analyse_generation(const Relation& relation, const Action& action);
bool is_new_default_volatile(const Relation& relation, const Action& action);
NotNullPromise find_not_null_promise(const Relation& relation, const Column& column);
Belongings read_belongings(const Relation& relation, const Column& column);
IndexUse read_index_use(const Relation& relation, const Index& index);
KeyIndex read_key_index(const Relation& relation, const Index& index);
std::optional<SimilarIndex> find_similar_index(const Relation& relation, const Action& action);
std::optional<KnownConstraint> read_constraint(const Relation& relation, std::string_view name);
bool has_foreign_key_index(const Relation& relation, const Vector<Text>& columns);
Vector<KeyMismatch> find_key_mismatches(const Relation& relation, const Relation& other,
                                        const Action& action);
CheckFacts analyse_check(const Relation& relation, const Action& action);
Vector<Text> find_publications_of_changes(const Relation& relation);
// Plain server code: the strongest that blocks writes; kNone where none does.
Lock own_lock(std::uint32_t relation);
Duplicates probe_duplicates(const Relation& relation, const Action& action);
Vector<Session> find_sessions_in_the_way(const Relation& relation, Lock lock);
Vector<Session> find_transactions_waited_for(const Relation& relation, Lock lock, bool snapshots);
Vector<DisabledTrigger> find_disabled_triggers(const Relation& relation);
Vector<KeyColumns> find_unindexed_foreign_keys(const Relation& relation);

}  // namespace db_guard::ddl
