// A database that a test describes: it answers what the rules ask.
#pragma once

#include <map>
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

  // Answers that tests set as they need them; one table is enough for most.
  std::vector<ddl::Relation> relations;
  std::map<std::uint32_t, ddl::Size> sizes;
  std::map<std::uint32_t, std::vector<ddl::Column>> columns;
  std::map<std::uint32_t, std::vector<std::uint32_t>> children;
  std::vector<std::pair<ddl::Index, std::uint32_t>> indexes;  // with the table's id
  std::map<std::string, std::string> proofs;                  // by column
  std::vector<ddl::Session> sessions;
  std::vector<ddl::Dependent> dependents;
  ddl::NewColumn added;
  ddl::TypeChange change;
  ddl::Belongings owned;
  ddl::IndexUse use;
  ddl::Duplicates found_duplicates;

  // What was asked.
  int asked_who_knows = 0;
  int asked_who_is_in_the_way = 0;

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
  bool in_transaction_block() override { return false; }
  std::int64_t lock_timeout_ms() override { return lock_timeout; }

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
  Vector<ddl::Session> sessions_in_the_way(const ddl::Relation&, ddl::Lock) override {
    asked_who_is_in_the_way++;
    return {sessions.begin(), sessions.end()};
  }

  Text not_null_proof(const ddl::Relation&, const ddl::Column& column) override {
    return Text(proofs[std::string(column.name.data(), column.name.size())]);
  }
  ddl::NewColumn new_column(const ddl::Action&) override { return added; }
  ddl::TypeChange type_change(const ddl::Relation&, const ddl::Action&) override { return change; }
  Vector<ddl::Dependent> column_dependents(const ddl::Relation&, const ddl::Column&) override {
    return {dependents.begin(), dependents.end()};
  }
  Vector<ddl::Dependent> relation_dependents(const ddl::Relation&) override {
    return {dependents.begin(), dependents.end()};
  }
  ddl::Belongings belongings(const ddl::Relation&, const ddl::Column&) override { return owned; }
  ddl::IndexUse index_use(const ddl::Relation&, const ddl::Index&) override { return use; }
  ddl::Duplicates duplicates(const ddl::Relation&, const ddl::Action&) override {
    return found_duplicates;
  }

  // As the server quotes, but for its reserved words.
  Text quote(std::string_view identifier) override {
    const bool plain = !identifier.empty() && (identifier[0] < '0' || identifier[0] > '9') &&
                       identifier.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
                           std::string_view::npos;
    return plain ? Text(identifier) : quoted(identifier, '"');
  }
  Text quote_literal(std::string_view text) override { return quoted(text, '\''); }
  Text free_name(const ddl::Relation& relation, std::string_view part,
                 std::string_view label) override {
    return core::concat({relation.name, "_", part, part.empty() ? "" : "_", label});
  }
  Text free_column_name(const ddl::Relation&, std::string_view column,
                        std::string_view label) override {
    return core::concat({column, "_", label});
  }

 private:
  static Text quoted(std::string_view text, char mark) {
    Text result(1, mark);
    for (const char c : text) result.append(c == mark ? 2 : 1, c);
    result.push_back(mark);
    return result;
  }
};

}  // namespace db_guard
