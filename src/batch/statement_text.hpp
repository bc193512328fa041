// The SQL that a batch job runs on one table. Names come quoted; the user's clauses come checked.
#pragma once

#include "core/memory.hpp"

namespace db_guard::batch {

struct KeyColumn {
  core::Text name;
  // Operators of its index, as OPERATOR(schema.name).
  core::Text equals;
  core::Text greater;
  core::Text at_least;
  core::Text at_most;
};

struct Shape {
  core::Text table;  // with ONLY where its children are walked by themselves
  core::Text alias;  // what the clauses call it
  bool deletes = false;
  core::Text set_clause;
  core::Text where_clause;  // empty for none
  core::Vector<KeyColumn> key;
  bool changes_key = false;  // of any unique index, so the row lock has to be stronger
};

// Every text numbers its parameters from $1: arrays of key columns, or the columns of a key.

// The keys in (low, bound], in order; at most `limit` of them, whether they match WHERE or not.
// With places, the tid of each behind it.
core::Text list_all(const Shape& shape, bool has_low, bool with_places, std::int64_t limit);
// The key that many rows behind low.
core::Text window_end(const Shape& shape, bool has_low, std::int64_t rows);
// The same with one row fewer as its last parameter, a bigint.
core::Text batch_end(const Shape& shape, bool has_low);
// The keys in (low, high] that match WHERE, in order.
core::Text list_matching(const Shape& shape, bool has_low, bool with_places);
core::Text highest_key(const Shape& shape);

core::Text change_keys(const Shape& shape);
// Between two keys, both included.
core::Text change_range(const Shape& shape);
// In (low, high].
core::Text change_up_to(const Shape& shape, bool has_low);
// At the tids in an array.
core::Text change_at(const Shape& shape);
// Of the keys in the arrays, those that match and nobody else has locked; they are locked then.
core::Text lock_keys(const Shape& shape);
core::Text find_keys(const Shape& shape);

// By place: $1 and $2 are tids, from and before; with turns, $3 of them are made and this is the
// $4th. Two columns: the rows changed, and those of them that still match.
core::Text change_pages(const Shape& shape, bool in_turns);
// $1 is an array of tids.
core::Text change_places(const Shape& shape);
core::Text lock_pages(const Shape& shape, bool in_turns);
core::Text lock_places(const Shape& shape);
core::Text list_places(const Shape& shape, std::int64_t limit);

// The statement without any of our conditions, for checks and plans.
core::Text plain_change(const Shape& shape);

}  // namespace db_guard::batch
