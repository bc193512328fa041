// Words and steps that several rules share.
#pragma once

#include "core/text.hpp"
#include "rules/rule.hpp"

namespace db_guard::rules {

// "public.orders (41 GB, about 210 million rows)"; with "in 12 partitions" where there are any.
Text table_with_size(const Context& context);

// The same for relations without rows of their own (views, foreign tables): "view public.v".
Text subject(const Context& context);

// " and 3 indexes are rebuilt", or empty where there are none.
Text rebuilt_indexes(const Context& context);

// Too little data for work that only costs time to matter.
bool is_small(const Context& context);

// A finding on the context's relation with size and lock as evidence.
Finding make_finding(const Context& context, std::string_view rule, Severity severity);

void add_evidence(Finding& finding, std::string_view key, double number);
void add_evidence(Finding& finding, std::string_view key, Text text);

// "users (email, name)" style list of quoted identifiers.
Text quoted_list(ddl::Facts& facts, const Vector<Text>& names);

// Statements that give a column NOT NULL with no long work under a strong lock.
void append_not_null_steps(const Context& context, std::string_view column, Vector<Text>& steps);

// One statement that sets a column in pieces, committing after each.
// assignment and condition are SQL over the table's columns.
Text backfill_step(const Context& context, std::string_view assignment,
                     std::string_view condition);

// Statements that keep two columns in step: trigger function and trigger. With a conversion (SQL over
// NEW's columns) `to` follows `from`; without one, either follows the other, for old and new code.
struct SyncedColumns {
  Text from;        // quoted
  Text to;          // quoted
  Text conversion;  // may be empty
  Text function;    // quoted and qualified
  Text trigger;     // quoted
};
void append_sync_steps(const Context& context, const SyncedColumns& columns, Vector<Text>& steps);

// The statement in a transaction that allows exactly this rule.
Text allowed_step(std::string_view rule, std::string_view reason, std::string_view statements);

// Steps that build an index online: concurrently on a table; on a partitioned table an empty parent
// index, concurrently on each leaf, then attached. `definition` is what follows the table's name.
struct OnlineIndex {
  Text name;        // raw
  Text definition;  // " (a, b) WHERE ..."
  Text part;        // for names of leaf indexes
  Text constraint;  // "UNIQUE" or "PRIMARY KEY" where each partition needs the constraint too
  bool unique = false;
  bool if_not_exists = false;
};
void append_index_steps(const Context& context, const OnlineIndex& index, Vector<Text>& steps);

// Steps of ADD PRIMARY KEY or ADD UNIQUE without a long lock. `kind`: "PRIMARY KEY" or "UNIQUE".
void append_key_steps(const Context& context, std::string_view kind, Vector<Text>& steps);

// Text about rows that would break a unique index, or empty when none were found or looked for.
Text duplicates_text(const Context& context);

// The steps of a change of type by way of a new column, with names swapped at the end.
void append_new_column_steps(const Context& context, const ddl::TypeChange& change,
                             Vector<Text>& steps);

// "changing column c from integer to bigint takes ACCESS EXCLUSIVE on public.t (41 GB)".
Text type_change_words(const Context& context, const ddl::TypeChange& change);

// ADD COLUMN ... UNIQUE: the step that adds the column without its key.
void append_inline_column(const Context& context, Vector<Text>& steps);

// " It would wait now for process 4711 (app), in a transaction for 3 min." or empty.
Text in_the_way_text(const Context& context);

// "In this database it is used by view public.v, function f() (by its text)." or that nothing does.
Text dependents_text(const Vector<ddl::Dependent>& dependents);

}  // namespace db_guard::rules
