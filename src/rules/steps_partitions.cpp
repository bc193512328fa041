#include "rules/steps_partitions.hpp"

#include <algorithm>

#include "core/sql_text.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

void append_concurrent_detach(const Context& context, const ddl::Relation& partition,
                              Vector<Text>& steps) {
  const auto parent = context.facts.parent_of_partition(partition);
  if (!parent || context.facts.default_partition(*parent)) return;
  steps.push_back(concat({"ALTER TABLE ", parent->display, " DETACH PARTITION ", partition.display,
                          " CONCURRENTLY;"}));
}

namespace {

// A CHECK that is validated while others read and write; returns its quoted name.
Text append_proof(const Context& context, const ddl::Relation& table, std::string_view condition,
                  std::string_view label, Vector<Text>& steps) {
  const Text name = context.facts.quote(context.facts.free_name(table, {}, label));
  steps.push_back(concat({"ALTER TABLE ", table.display, " ADD CONSTRAINT ", name, " CHECK (",
                          condition, ") NOT VALID;"}));
  steps.push_back(concat({"ALTER TABLE ", table.display, " VALIDATE CONSTRAINT ", name, ";"}));
  return name;
}

Text drop_proof(const ddl::Relation& table, std::string_view name) {
  return concat({"ALTER TABLE ", table.display, " DROP CONSTRAINT ", name, ";"});
}

// A partitioned table has no rows itself; those below it have.
bool is_scanned(const Context& context, const ddl::Relation& table) {
  if (context.effects.on(table.id).scan) return true;
  if (!table.partitioned()) return false;
  const Vector<ddl::Relation> children = context.facts.partitions(table);
  return std::any_of(children.begin(), children.end(),
                     [&](const ddl::Relation& child) { return is_scanned(context, child); });
}

// That the default partition holds no row of the new one. Steps before and after the statement.
struct DefaultProof {
  Vector<Text> before;
  Vector<Text> after;
};

DefaultProof prove_default(const Context& context, const ddl::NewPartition& partition) {
  DefaultProof proof;
  if (!partition.default_partition || partition.default_constraint.empty()) return proof;
  const ddl::Relation& table = *partition.default_partition;
  if (!is_scanned(context, table)) return proof;
  const Text name =
      append_proof(context, table, partition.default_constraint, "not_in_new", proof.before);
  proof.after.push_back(drop_proof(table, name));
  return proof;
}

// As the server would call it.
Text index_name(const Context& context, const ddl::Relation& table,
                const ddl::MissingIndex& index) {
  ddl::Facts& facts = context.facts;
  if (index.constraint == "PRIMARY KEY") return facts.quote(facts.free_name(table, {}, "pkey"));
  return facts.quote(facts.free_name(table, index.part, index.constraint.empty() ? "idx" : "key"));
}

void append_indexes(const Context& context, const ddl::Relation& table,
                    const Vector<ddl::MissingIndex>& indexes, Vector<Text>& steps) {
  for (const ddl::MissingIndex& index : indexes) {
    const Text name = index_name(context, table, index);
    steps.push_back(concat({"CREATE ", index.unique ? "UNIQUE " : "", "INDEX CONCURRENTLY ", name,
                            " ON ", table.display, index.definition, ";"}));
    if (index.constraint.empty()) continue;
    steps.push_back(concat({"ALTER TABLE ", table.display, " ADD CONSTRAINT ", name, " ",
                            index.constraint, " USING INDEX ", name, index.deferral, ";"}));
  }
}

void append_keys(const Context& context, const ddl::Relation& table, const Vector<Text>& keys,
                 Vector<Text>& steps) {
  for (const Text& key : keys) {
    const Text name = context.facts.quote(context.facts.free_name(table, {}, "fkey"));
    steps.push_back(
        concat({"ALTER TABLE ", table.display, " ADD CONSTRAINT ", name, " ", key, " NOT VALID;"}));
    steps.push_back(concat({"ALTER TABLE ", table.display, " VALIDATE CONSTRAINT ", name, ";"}));
  }
}

void append_all(const Vector<Text>& from, Vector<Text>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

Text attach_sql(const Context& context, std::string_view partition, std::string_view bound) {
  return concat({"ALTER TABLE ", context.relation().display, " ATTACH PARTITION ", partition, " ",
                 bound, ";"});
}

}  // namespace

void append_attach_steps(const Context& context, const ddl::NewPartition& partition,
                         Vector<Text>& steps) {
  const auto table = context.facts.relation(context.action.other);
  if (!table) return;
  // Where a CHECK could not be printed now, its steps would be wrong without it; where none can
  // prove anything, there is no way to do it online.
  if (partition.unprovable) return;
  const bool prove = is_scanned(context, *table) && !partition.constraint.empty();
  append_indexes(context, *table, partition.missing_indexes, steps);
  append_keys(context, *table, partition.missing_keys, steps);
  Text name;
  if (prove) name = append_proof(context, *table, partition.constraint, "in_bounds", steps);
  const DefaultProof proof = prove_default(context, partition);
  append_all(proof.before, steps);
  steps.push_back(attach_sql(context, table->display, partition.bound));
  if (prove) steps.push_back(drop_proof(*table, name));
  append_all(proof.after, steps);
}

namespace {

bool is_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); i++) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? char(text[i] - 'A' + 'a') : text[i];
    if (c != word[i]) return false;
  }
  return true;
}

// Tokens one after the other; a parenthesis with all that is in it is one.
class Tokens {
 public:
  explicit Tokens(std::string_view sql) : sql_(sql), next_(core::skip_blanks(sql, 0)) {}

  [[nodiscard]] bool done() const { return next_ >= sql_.size(); }
  [[nodiscard]] std::size_t offset() const { return next_; }
  [[nodiscard]] std::string_view peek() const { return sql_.substr(next_, end() - next_); }
  std::string_view take() {
    const std::string_view token = peek();
    next_ = core::skip_blanks(sql_, end());
    return token;
  }
  bool take_if(std::string_view word) {
    if (!is_word(peek(), word)) return false;
    take();
    return true;
  }

 private:
  [[nodiscard]] std::size_t end() const {
    if (done()) return sql_.size();
    std::size_t at = next_;
    int depth = 0;
    do {
      if (sql_[at] == '(') depth++;
      if (sql_[at] == ')') depth--;
      at = core::end_of_token(sql_, at);
      if (depth > 0) at = core::skip_blanks(sql_, at);
    } while (depth > 0 && at < sql_.size());
    return at;
  }

  std::string_view sql_;
  std::size_t next_;
};

bool skip_bound(Tokens& tokens) {
  if (tokens.take_if("default")) return true;
  if (!tokens.take_if("for") || !tokens.take_if("values")) return false;
  const std::string_view kind = tokens.take();
  tokens.take();
  if (!is_word(kind, "from")) return is_word(kind, "in") || is_word(kind, "with");
  return tokens.take_if("to") && !tokens.take().empty();
}

}  // namespace

std::optional<PartitionText> split_partition_of(std::string_view statement) {
  Tokens tokens(statement);
  PartitionText text;
  while (!tokens.done() && !is_word(tokens.peek(), "partition")) tokens.take();
  text.head = Text(core::trim_statement(statement.substr(0, tokens.offset())));
  if (!tokens.take_if("partition") || !tokens.take_if("of")) return std::nullopt;
  const std::size_t end = core::end_of_name(statement, tokens.offset());
  if (end == std::string_view::npos) return std::nullopt;
  Tokens rest(statement.substr(end));
  if (!rest.done() && rest.peek().front() == '(') {
    std::string_view inside = rest.take();
    inside.remove_prefix(1);
    inside.remove_suffix(inside.empty() ? 0 : 1);
    text.elements = Text(core::trim_statement(inside));
  }
  if (!skip_bound(rest)) return std::nullopt;
  if (!rest.done()) {
    text.tail = concat({" ", core::trim_statement(statement.substr(end + rest.offset()))});
  }
  return text;
}

void append_create_partition_steps(const Context& context, const ddl::NewPartition& partition,
                                   Vector<Text>& steps) {
  const auto text = split_partition_of(context.statement.text);
  if (!text || !context.action.other_columns.empty() || partition.bound.empty()) return;
  ddl::Facts& facts = context.facts;
  const ddl::ObjectName& name = context.action.other;
  const Text quoted = concat({name.schema.empty() ? Text() : facts.quote(name.schema),
                              name.schema.empty() ? "" : ".", facts.quote(name.name)});
  steps.push_back(
      concat({text->head, " (LIKE ", context.relation().display,
              " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING "
              "STORAGE INCLUDING COMPRESSION",
              text->elements.empty() ? "" : ", ", text->elements, ")", text->tail, ";"}));
  const DefaultProof proof = prove_default(context, partition);
  append_all(proof.before, steps);
  steps.push_back(attach_sql(context, quoted, partition.bound));
  append_all(proof.after, steps);
}

}  // namespace db_guard::rules
