// The safe ways: statements, in the user's own names, that several rules propose.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// Statements that give a column NOT NULL with no long work under a strong lock. `name` is raw and
// matters from 18 on, where NOT NULL is a constraint; empty: as the server would choose it.
void append_not_null_steps(const Context& context, std::string_view column, Vector<Text>& steps,
                           std::string_view name = {});

// A dollar quote that none of the texts inside can end: "$word$".
Text dollar_quote(std::string_view word, std::initializer_list<std::string_view> texts);

// A name that may hold line breaks, for a comment: what follows a break would be run.
Text comment_on_one_line(std::string_view text);

// One statement that sets a column in pieces, committing after each.
// assignment and condition are SQL over the table's columns.
Text backfill_step(const Context& context, std::string_view assignment, std::string_view condition);

// "x IS NULL", and its opposite, in a form that means the value itself where it is a row.
Text is_null(std::string_view value, bool composite);
Text is_not_null(std::string_view value, bool composite);

// Statements that keep two columns in step: trigger function and trigger. With a conversion (SQL
// over NEW's columns) `to` follows `from`; without one, either follows the other, for old and new
// code.
struct SyncedColumns {
  Text from;        // quoted
  Text to;          // quoted
  Text conversion;  // may be empty
  bool composite;   // the type is a row type
  bool comparable;  // the type has an equality operator; json, xml and some others have none
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
  Text part;        // of the names that the server would give to indexes of partitions
  std::string_view label = "idx";  // and their end
  Text constraint;  // "UNIQUE" or "PRIMARY KEY" where each partition needs the constraint too
  bool unique = false;
  bool if_not_exists = false;
};
void append_index_steps(const Context& context, const OnlineIndex& index, Vector<Text>& steps);

// Steps of ADD PRIMARY KEY or ADD UNIQUE without a long lock. `kind`: "PRIMARY KEY" or "UNIQUE".
void append_key_steps(const Context& context, std::string_view kind, Vector<Text>& steps);

// The steps of a change of type by way of a new column, with names swapped at the end; or in the
// detail why there is no such way.
void add_new_column_way(const Context& context, const ddl::TypeChange& change, Finding& finding);

// Indexes like those of a column on another one, under names of their own, in order.
Vector<Text> append_like_indexes(const Context& context, const ddl::Belongings& belongings,
                                 std::string_view from, std::string_view to, Vector<Text>& steps);

// ADD COLUMN ... UNIQUE or PRIMARY KEY: the steps that bring the key when the column is filled.
void append_inline_key(const Context& context, Vector<Text>& steps);

// What the server would put for the columns into the name of an index: "email_tenant".
Text name_part(const ddl::KeySpec& key);

// Puts SET and RESET lock_timeout between the steps: on for those that take a strong lock briefly,
// off for those that a timeout would harm.
void set_lock_timeouts(Vector<Text>& steps);

}  // namespace db_guard::rules
