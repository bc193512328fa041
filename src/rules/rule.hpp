// A rule: what it looks for, and everything a person wants to know about it. Docs, the
// db_guard.rules view and the tests are made from these fields.
#pragma once

#include <string_view>

#include "core/finding.hpp"
#include "ddl/declaration.hpp"
#include "ddl/effects.hpp"

namespace db_guard::rules {

using core::Finding;
using core::Severity;
using core::Text;
using core::Vector;
using Findings = Vector<Finding>;

// What a rule sees: one action. Its relation exists, is not temporary and was not made in this
// transaction; for kinds without an existing target it has no id, and the name that was typed.
class Context {
 public:
  Context(const ddl::Statement& statement_, const ddl::Effects& effects_, ddl::Facts& facts_,
          const ddl::Action& action_, const ddl::Relation& relation,
          std::uint64_t small_table_size_);

  const ddl::Statement& statement;
  const ddl::Effects& effects;  // of the whole statement, on every relation
  ddl::Facts& facts;
  const ddl::Action& action;
  ddl::Work work;  // that the action calls for by itself
  ddl::Lock lock;  // that the statement takes on the action's relation
  std::uint64_t small_table_size;

  [[nodiscard]] const ddl::Relation& relation() const { return relation_; }
  [[nodiscard]] ddl::Size size() const { return facts.size(relation_); }
  // Of every relation that the statement rewrites, scans, indexes or checks.
  [[nodiscard]] std::uint64_t bytes_at_work() const;

  // Looked up when a rule first asks, and kept. nullopt: there is no such column.
  [[nodiscard]] const std::optional<ddl::Column>& column() const;
  // Of ADD COLUMN and of ALTER COLUMN ... TYPE only.
  [[nodiscard]] const ddl::NewColumn& added() const;
  [[nodiscard]] const ddl::TypeChange& type_change() const;
  [[nodiscard]] const ddl::Misfits& misfits() const;

 private:
  const ddl::Relation& relation_;
  mutable bool looked_for_column_ = false;
  mutable std::optional<ddl::Column> column_;
  mutable std::optional<ddl::NewColumn> added_;
  mutable std::optional<ddl::TypeChange> type_change_;
  mutable std::optional<ddl::Misfits> misfits_;
};

struct Review;

// A rule judges what a statement does to what is there (`check`), what a whole transaction does
// (`check_end`), or how something is declared (`review`). The last are in packs, by their family.
struct Rule {
  std::string_view slug;
  std::string_view
      family;         // the kind of operation: "columns", "types", "constraints", "indexes" ...
  Severity severity;  // the worst it reports
  std::string_view title;
  std::string_view what;      // what happens
  std::string_view why;       // why it hurts
  std::string_view safe_way;  // what to do instead
  // Examples are whole scripts over the tables that `setup` makes. The tests run them: the bad one
  // must be reported by this rule, the good one by none.
  std::string_view setup;
  std::string_view bad_example;
  std::string_view good_example;
  std::string_view since_version;  // of db_guard
  ddl::Lock lock;                  // that the bad example takes on its table
  // That it does under it: "rewrite", "scan", "index build", "foreign key check", "none"; or
  // "error" where the server would refuse after taking the lock, and "refused" where it does so
  // before.
  std::string_view work;
  ddl::KindSet kinds = {};  // of the actions that it looks at
  // Null: only the end of the transaction, or the guard itself, tells; or it has a review.
  void (*check)(const Context& context, Findings& findings) = nullptr;
  // Asked before commit about each relation that the transaction has touched. The action of the
  // context says no more than the relation.
  void (*check_end)(const Context& context, const ddl::Touched& touched,
                    Findings& findings) = nullptr;
  // Finds nothing in a statement that is a transaction of its own while nobody else is connected.
  bool needs_company = false;
  // Has nothing to say where another rule objects to the action already.
  bool yields = false;
  int since_server = 15;  // PostgreSQL: knows the statement and shows it to event triggers
  ddl::DeclarationSet declares = {};  // kinds of the declarations that it looks at
  void (*review)(const Review& review, Findings& findings) = nullptr;
};

}  // namespace db_guard::rules
