// A database that a test describes: it answers what the rules ask.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "ddl/facts.hpp"

namespace db_guard {

constexpr std::uint64_t kMegabyte = 1024 * 1024;
constexpr std::uint64_t kGigabyte = 1024 * kMegabyte;

class FakeFacts : public ddl::Facts {
 public:
  FakeFacts() { owned.known = true; }

  using Text = core::Text;
  template <class T>
  using Vector = core::Vector<T>;

  // Settings and state of the server.
  int major = 15;
  std::int64_t lock_timeout = 0;
  bool nobody_else = false;
  bool new_type = false;
  Text first_schema = Text("public");
  bool in_block = false;
  std::int64_t maintenance_kb = 1024 * 1024;
  bool superuser = true;
  int role_sessions = 0;
  ddl::Transaction earlier;  // what it has done

  // Answers that tests set as they need them; one table is enough for most.
  std::vector<ddl::Relation> relations;
  std::map<std::uint32_t, ddl::Size> sizes;
  std::map<std::uint32_t, std::vector<ddl::Column>> columns;
  std::map<std::uint32_t, std::vector<std::uint32_t>> children;
  std::vector<std::pair<ddl::Index, std::uint32_t>> indexes;  // with the table's id
  std::map<std::string, std::string> proofs;                  // by column
  std::vector<ddl::Session> sessions;
  std::vector<ddl::Session> waited_for;
  std::vector<ddl::DisabledTrigger> disabled;
  std::vector<ddl::KeyColumns> unindexed;
  std::vector<ddl::Dependent> dependents;
  ddl::NewColumn added;
  ddl::TypeChange change;
  ddl::Misfits found_misfits;
  ddl::Generation computed;
  ddl::NotNullPromise promise;
  bool volatile_default = false;
  ddl::Belongings owned;
  ddl::IndexUse use;
  ddl::Duplicates found_duplicates;
  ddl::TableUse usage;
  std::vector<ddl::ForeignKey> keys;
  std::vector<std::string> key_columns{"id"};
  std::vector<ddl::Dependent> mentioned_by;
  ddl::NewPartition partition;
  std::vector<std::string> different;
  ddl::MaterializedView view;
  ddl::RowSecurity security;
  std::vector<ddl::TypedColumn> typed_columns;
  std::uint32_t schema_objects = 0;
  bool database_exists = true;
  bool object_exists = true;
  double rows_changed = -1;
  std::optional<double> largest;
  std::uint64_t locks = 6400;
  std::set<ddl::ActionKind> granted;  // what may be run without owning the table
  ddl::KeyIndex key;
  std::optional<ddl::SimilarIndex> similar;
  std::map<std::string, ddl::KnownConstraint> constraints;  // by name
  bool key_indexed = true;
  std::vector<ddl::KeyMismatch> mismatches;
  ddl::CheckFacts check;
  std::vector<Text> publications;
  ddl::Lock held = ddl::Lock::kNone;

  // What was asked.
  int asked_who_knows = 0;
  int asked_who_is_in_the_way = 0;
  ddl::Lock asked_lock = ddl::Lock::kNone;
  bool asked_snapshots = false;

  // A table of 41 GB and 210 million rows in schema public, owned by whoever runs the statement.
  ddl::Relation& add_table(const char* name, char kind = 'r') {
    ddl::Relation relation;
    relation.id = std::uint32_t(relations.size() + 1);
    relation.schema = "public";
    relation.name = name;
    relation.display = core::concat({"public.", quote(name)});
    relation.kind = kind;
    relation.owned = true;
    ddl::Size size;
    size.bytes = 41 * kGigabyte;
    size.rows = 210e6;
    size.indexes = 3;
    sizes[relation.id] = size;
    relations.push_back(relation);
    return relations.back();
  }

  // The names of an index look up to be in public, too.
  ddl::Index& add_index(const char* name, const ddl::Relation& table) {
    ddl::Index index;
    index.id = std::uint32_t(indexes.size() + 1000);
    index.schema = "public";
    index.name = name;
    index.display = core::concat({"public.", quote(name)});
    indexes.emplace_back(index, table.id);
    return indexes.back().first;
  }

  void add_partition(std::uint32_t parent, std::uint32_t child) {
    relations[parent - 1].has_children = true;
    relations[child - 1].is_partition = true;
    children[parent].push_back(child);
  }

  void add_column(const ddl::Relation& relation, const char* name, const char* type,
                  bool not_null = false) {
    ddl::Column column;
    column.number = std::int16_t(columns[relation.id].size() + 1);
    column.name = name;
    column.type = type;
    column.not_null = not_null;
    columns[relation.id].push_back(column);
  }

  int server_major() override { return major; }
  bool in_transaction_block() override { return in_block; }
  std::int64_t maintenance_work_mem_kb() override { return maintenance_kb; }
  std::int64_t lock_timeout_ms() override { return lock_timeout; }
  const ddl::Transaction& transaction() override { return earlier; }

  std::optional<ddl::Relation> relation(const ddl::ObjectName& name) override {
    for (const ddl::Relation& relation : relations) {
      if (relation.name == name.name) return relation;
    }
    return std::nullopt;
  }
  std::optional<ddl::Relation> relation_by_id(std::uint32_t id) override {
    if (id == 0 || id > relations.size()) return std::nullopt;
    return relations[id - 1];
  }
  std::optional<ddl::Index> index(const ddl::ObjectName& name) override {
    for (const auto& [index, table] : indexes) {
      if (index.name == name.name) return index;
    }
    return std::nullopt;
  }
  std::optional<ddl::Relation> table_of(const ddl::Index& index) override {
    for (const auto& [candidate, table] : indexes) {
      if (candidate.id == index.id) return relations[table - 1];
    }
    return std::nullopt;
  }
  std::optional<ddl::Column> column(const ddl::Relation& relation, std::string_view name) override {
    for (const ddl::Column& column : columns[relation.id]) {
      if (column.name == name) return column;
    }
    return std::nullopt;
  }

  ddl::Size size(const ddl::Relation& relation) override { return sizes[relation.id]; }
  Vector<ddl::Relation> partitions(const ddl::Relation& relation) override {
    Vector<ddl::Relation> result;
    for (const std::uint32_t child : children[relation.id]) {
      result.push_back(relations[child - 1]);
    }
    return result;
  }
  bool known_to_nobody_else(const ddl::Relation&) override {
    asked_who_knows++;
    return nobody_else;
  }
  ddl::Lock held_lock(const ddl::Relation& relation) override {
    return std::max(held, earlier.lock_on(relation.id));
  }
  Vector<ddl::Session> sessions_in_the_way(const ddl::Relation&, ddl::Lock) override {
    asked_who_is_in_the_way++;
    return {sessions.begin(), sessions.end()};
  }

  Vector<ddl::Session> transactions_waited_for(const ddl::Relation&, ddl::Lock lock,
                                               bool snapshots) override {
    asked_lock = lock;
    asked_snapshots = snapshots;
    return {waited_for.begin(), waited_for.end()};
  }
  Vector<ddl::DisabledTrigger> disabled_triggers(const ddl::Relation&) override {
    return {disabled.begin(), disabled.end()};
  }
  Vector<ddl::KeyColumns> unindexed_foreign_keys(const ddl::Relation&) override {
    return {unindexed.begin(), unindexed.end()};
  }
  bool is_superuser() override { return superuser; }
  bool may_alter_system(std::string_view) override { return superuser; }
  int sessions_of_role(std::string_view) override { return role_sessions; }

  Text not_null_proof(const ddl::Relation&, const ddl::Column& column) override {
    return Text(proofs[std::string(column.name.data(), column.name.size())]);
  }
  ddl::NewColumn new_column(const ddl::Action&) override { return added; }
  ddl::TypeChange type_change(const ddl::Relation&, const ddl::Action&) override { return change; }
  ddl::Misfits misfits(const ddl::Relation&, const ddl::Action&) override { return found_misfits; }
  ddl::Generation generation(const ddl::Relation&, const ddl::Action&) override { return computed; }
  ddl::NotNullPromise not_null_promise(const ddl::Relation&, const ddl::Column&) override {
    return promise;
  }
  bool has_volatile_default(const ddl::Relation&, const ddl::Action&) override {
    return volatile_default;
  }
  Vector<ddl::Dependent> column_dependents(const ddl::Relation&, const ddl::Column&) override {
    return {dependents.begin(), dependents.end()};
  }
  Vector<ddl::Dependent> relation_dependents(const ddl::Relation&) override {
    return {dependents.begin(), dependents.end()};
  }
  ddl::Belongings belongings(const ddl::Relation&, const ddl::Column&) override { return owned; }
  ddl::IndexUse index_use(const ddl::Relation&, const ddl::Index&) override { return use; }
  Vector<core::Text> index_columns(const ddl::Relation&, const core::Text&) override {
    return key.columns;
  }
  ddl::KeyIndex key_index(const ddl::Relation&, const ddl::Index&) override { return key; }
  std::optional<ddl::SimilarIndex> similar_index(const ddl::Relation&,
                                                 const ddl::Action&) override {
    return similar;
  }
  std::optional<ddl::KnownConstraint> constraint(const ddl::Relation&,
                                                 std::string_view name) override {
    const auto found = constraints.find(std::string(name));
    if (found == constraints.end()) return std::nullopt;
    return found->second;
  }
  bool foreign_key_is_indexed(const ddl::Relation&, const Vector<Text>&) override {
    return key_indexed;
  }
  Vector<ddl::KeyMismatch> key_mismatches(const ddl::Relation&, const ddl::Relation&,
                                          const ddl::Action&) override {
    return {mismatches.begin(), mismatches.end()};
  }
  ddl::CheckFacts check_facts(const ddl::Relation&, const ddl::Action&) override { return check; }
  Vector<Text> publications_of_changes(const ddl::Relation&) override {
    return {publications.begin(), publications.end()};
  }
  ddl::Duplicates duplicates(const ddl::Relation&, const ddl::Action&) override {
    return found_duplicates;
  }

  bool may_run(const ddl::Relation& relation, ddl::ActionKind kind) override {
    return relation.owned || granted.count(kind) > 0;
  }
  ddl::TableUse table_use(const ddl::Relation&) override { return usage; }
  Vector<ddl::ForeignKey> foreign_keys(const ddl::Relation&) override {
    return {keys.begin(), keys.end()};
  }
  Vector<Text> primary_key(const ddl::Relation&) override { return texts(key_columns); }
  Vector<ddl::Dependent> mentions(std::string_view) override {
    return {mentioned_by.begin(), mentioned_by.end()};
  }
  std::optional<ddl::Relation> parent_of_partition(const ddl::Relation& partition) override {
    for (const auto& [parent, members] : children) {
      if (std::count(members.begin(), members.end(), partition.id) > 0) {
        return relations[parent - 1];
      }
    }
    return std::nullopt;
  }
  std::optional<ddl::Relation> default_partition(const ddl::Relation&) override {
    return partition.default_partition;
  }
  ddl::NewPartition new_partition(const ddl::Relation&, const ddl::Action&) override {
    return partition;
  }
  Vector<Text> differences(const ddl::Relation&, const ddl::Action&) override {
    return texts(different);
  }
  ddl::MaterializedView materialized_view(const ddl::Relation&) override { return view; }
  ddl::RowSecurity row_security(const ddl::Relation&) override { return security; }
  bool is_new_type(const ddl::ObjectName&) override { return new_type; }
  Text creation_schema() override { return first_schema; }
  Vector<ddl::TypedColumn> columns_of_type(const ddl::ObjectName&) override {
    return {typed_columns.begin(), typed_columns.end()};
  }
  std::uint32_t objects_in_schema(const Text&) override { return schema_objects; }
  bool has_object(std::string_view, const ddl::ObjectName&) override { return object_exists; }
  std::optional<ddl::Relation> namesake(const ddl::ObjectName& name) override {
    return relation(name);
  }
  bool has_database(const Text&) override { return database_exists; }
  double changed_rows(const ddl::Action&) override { return rows_changed; }
  std::optional<double> largest_value(const ddl::Relation&, const ddl::Column&) override {
    return largest;
  }
  std::uint64_t lock_table_size() override { return locks; }

  // As the server quotes, but for its reserved words.
  Text quote(std::string_view identifier) override {
    const bool plain = !identifier.empty() && (identifier[0] < '0' || identifier[0] > '9') &&
                       identifier.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
                           std::string_view::npos;
    return plain ? Text(identifier) : quoted(identifier, '"');
  }
  Text quote_literal(std::string_view text) override { return quoted(text, '\''); }
  void begin_way() override {}
  void end_action() override {}
  Text free_name(const ddl::Relation& relation, std::string_view part,
                 std::string_view label) override {
    return core::concat({relation.name, "_", part, part.empty() ? "" : "_", label});
  }
  Text free_column_name(const ddl::Relation&, std::string_view column,
                        std::string_view label) override {
    return core::concat({column, "_", label});
  }

 private:
  static Vector<Text> texts(const std::vector<std::string>& strings) {
    Vector<Text> result;
    for (const std::string& string : strings) result.emplace_back(string);
    return result;
  }

  static Text quoted(std::string_view text, char mark) {
    Text result(1, mark);
    for (const char c : text) result.append(c == mark ? 2 : 1, c);
    result.push_back(mark);
    return result;
  }
};

}  // namespace db_guard
