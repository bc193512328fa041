#include "batch/statement_text.hpp"

#include "core/text.hpp"

namespace db_guard::batch {

namespace {

using core::concat;
using core::Text;

Text parameter(std::size_t number) { return concat({"$", core::number(std::int64_t(number))}); }

Text columns(const Shape& shape) {
  Text result;
  for (const KeyColumn& column : shape.key) {
    if (!result.empty()) result.append(", ");
    result.append(concat({shape.alias, ".", column.name}));
  }
  return result;
}

Text parameters(const Shape& shape, std::size_t first) {
  Text result;
  for (std::size_t i = 0; i < shape.key.size(); i++) {
    if (i > 0) result.append(", ");
    result.append(parameter(first + i));
  }
  return result;
}

// ROW() also of one column would keep the server from using the index.
Text compared(const Shape& shape, const Text KeyColumn::*operation, std::size_t first) {
  const Text& name = shape.key.front().*operation;
  if (shape.key.size() == 1) return concat({columns(shape), " ", name, " ", parameter(first)});
  return concat({"(", columns(shape), ") ", name, " (", parameters(shape, first), ")"});
}

// IS TRUE keeps the planner from driving the batch by an index of the WHERE, which would read the
// same rows again for every batch.
Text matches(const Shape& shape) {
  if (shape.where_clause.empty()) return {};
  return concat({" AND ((\n", shape.where_clause, "\n) IS TRUE)"});
}

Text from(const Shape& shape) { return concat({" FROM ", shape.table, " AS ", shape.alias}); }

Text bounds(const Shape& shape, bool has_low) {
  const std::size_t high = has_low ? shape.key.size() + 1 : 1;
  Text result(" WHERE ");
  if (has_low) result.append(concat({compared(shape, &KeyColumn::greater, 1), " AND "}));
  result.append(compared(shape, &KeyColumn::at_most, high));
  return result;
}

Text in_arrays(const Shape& shape) {
  if (shape.key.size() == 1) {
    return concat({columns(shape), " ", shape.key.front().equals, " ANY ($1)"});
  }
  Text names, arrays;
  for (std::size_t i = 0; i < shape.key.size(); i++) {
    names.append(concat({i > 0 ? ", k" : "k", core::number(std::int64_t(i))}));
    arrays.append(concat({i > 0 ? ", " : "", "pg_catalog.unnest(", parameter(i + 1), ")"}));
  }
  return concat({"(", columns(shape), ") ", shape.key.front().equals, " ANY (SELECT ", names,
                 " FROM ROWS FROM (", arrays, ") AS keys (", names, "))"});
}

Text change(const Shape& shape) {
  if (shape.deletes) return concat({"DELETE", from(shape)});
  return concat({"UPDATE ", shape.table, " AS ", shape.alias, " SET ", shape.set_clause, "\n"});
}

Text row_lock(const Shape& shape) {
  return Text(shape.deletes || shape.changes_key ? " FOR UPDATE SKIP LOCKED"
                                                 : " FOR NO KEY UPDATE SKIP LOCKED");
}

Text place(const Shape& shape) { return concat({shape.alias, ".ctid"}); }

Text on_pages(const Shape& shape, bool in_turns) {
  Text result = concat({" WHERE ", place(shape), " OPERATOR(pg_catalog.>=) $1 AND ", place(shape),
                        " OPERATOR(pg_catalog.<) $2"});
  if (in_turns) {
    result.append(
        concat({" AND db_guard.turn_of_row(", place(shape), ", $3) OPERATOR(pg_catalog.=) $4"}));
  }
  result.append(matches(shape));
  return result;
}

Text in_places(const Shape& shape) {
  return concat({" WHERE ", place(shape), " OPERATOR(pg_catalog.=) ANY ($1)", matches(shape)});
}

// Counts what is changed, and what would be found again.
Text counted_change(const Shape& shape, const Text& condition) {
  const Text again = shape.deletes || shape.where_clause.empty()
                         ? Text("false")
                         : concat({"((\n", shape.where_clause, "\n) IS TRUE)"});
  return concat({"WITH changed AS (", change(shape), condition, " RETURNING ", again,
                 " AS again) SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE "
                 "changed.again) FROM changed"});
}

}  // namespace

Text list_all(const Shape& shape, bool has_low, bool with_places, std::int64_t limit) {
  return concat({"SELECT ", columns(shape), with_places ? concat({", ", place(shape)}) : Text(),
                 from(shape), bounds(shape, has_low), " ORDER BY ", columns(shape), " LIMIT ",
                 core::number(limit)});
}

Text window_end(const Shape& shape, bool has_low, std::int64_t rows) {
  return concat({"SELECT ", columns(shape), from(shape), bounds(shape, has_low), " ORDER BY ",
                 columns(shape), " OFFSET ", core::number(rows - 1), " LIMIT 1"});
}

Text batch_end(const Shape& shape, bool has_low) {
  const std::size_t keys = shape.key.size() * (has_low ? 2 : 1);
  return concat({"SELECT ", columns(shape), from(shape), bounds(shape, has_low), " ORDER BY ",
                 columns(shape), " OFFSET ", parameter(keys + 1), " LIMIT 1"});
}

Text list_matching(const Shape& shape, bool has_low, bool with_places) {
  return concat({"SELECT ", columns(shape), with_places ? concat({", ", place(shape)}) : Text(),
                 from(shape), bounds(shape, has_low), matches(shape), " ORDER BY ",
                 columns(shape)});
}

Text highest_key(const Shape& shape) {
  Text order;
  for (const KeyColumn& column : shape.key) {
    order.append(concat({order.empty() ? "" : ", ", shape.alias, ".", column.name, " DESC"}));
  }
  return concat({"SELECT ", columns(shape), from(shape), " ORDER BY ", order, " LIMIT 1"});
}

Text change_keys(const Shape& shape) {
  return concat({change(shape), " WHERE ", in_arrays(shape), matches(shape)});
}

Text change_range(const Shape& shape) {
  return concat({change(shape), " WHERE ", compared(shape, &KeyColumn::at_least, 1), " AND ",
                 compared(shape, &KeyColumn::at_most, shape.key.size() + 1), matches(shape)});
}

Text change_up_to(const Shape& shape, bool has_low) {
  return concat({change(shape), bounds(shape, has_low), matches(shape)});
}

Text change_at(const Shape& shape) { return concat({change(shape), in_places(shape)}); }

Text lock_keys(const Shape& shape) { return concat({find_keys(shape), row_lock(shape)}); }

Text find_keys(const Shape& shape) {
  return concat(
      {"SELECT ", columns(shape), from(shape), " WHERE ", in_arrays(shape), matches(shape)});
}

Text change_pages(const Shape& shape, bool in_turns) {
  return counted_change(shape, on_pages(shape, in_turns));
}

Text change_places(const Shape& shape) { return counted_change(shape, in_places(shape)); }

Text lock_pages(const Shape& shape, bool in_turns) {
  return concat({"SELECT ", place(shape), from(shape), on_pages(shape, in_turns), row_lock(shape)});
}

Text lock_places(const Shape& shape) {
  return concat({"SELECT ", place(shape), from(shape), in_places(shape), row_lock(shape)});
}

Text list_places(const Shape& shape, std::int64_t limit) {
  const Text condition =
      shape.where_clause.empty() ? Text() : concat({" WHERE true", matches(shape)});
  return concat({"SELECT ", place(shape), from(shape), condition, " LIMIT ", core::number(limit)});
}

Text plain_change(const Shape& shape) {
  return concat({change(shape), " WHERE true", matches(shape)});
}

}  // namespace db_guard::batch
