// Subtransactions that roll back, and SQL from C++.
#include "core/error.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"
#include "wall.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(db_guard_wall_roll_back);
PG_FUNCTION_INFO_V1(db_guard_wall_roll_back_nested);
PG_FUNCTION_INFO_V1(db_guard_wall_query);
PG_FUNCTION_INFO_V1(db_guard_wall_query_rolled_back);
}

namespace db_guard::wall {

namespace {

struct Place {
  MemoryContext memory = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  int level = GetCurrentTransactionNestLevel();

  [[nodiscard]] core::Text difference() const {
    core::Text found;
    if (CurrentMemoryContext != memory) found += "memory context ";
    if (CurrentResourceOwner != owner) found += "resource owner ";
    if (GetCurrentTransactionNestLevel() != level) found += "nesting ";
    return found.empty() ? core::Text("same place") : found;
  }
};

// Runs the statement, strays into another memory context, and fails in the named way.
void run_and_fail(const char* sql, const char* way) {
  pg::query(sql);
  MemoryContextSwitchTo(TopTransactionContext);
  fail(way);
}

core::Text roll_back(const char* sql, const char* way) {
  const Witness witness;
  const Place place;
  core::Text outcome = "no error";
  try {
    pg::rolled_back([&] { run_and_fail(sql, way); });
  } catch (const pg::PgError& error) {
    outcome = error.what();
  } catch (const std::exception& error) {
    outcome = error.what();
  } catch (int) {
    outcome = "a number";
  }
  return outcome + ", " + place.difference();
}

core::Text count_rows(const char* sql) { return core::Text(pg::query(sql).text(0, 0)); }

// The inner one is gone before the outer one looks; the outer one is gone before the caller looks.
core::Text roll_back_nested(const char* insert, const char* count) {
  const Place place;
  core::Text seen;
  pg::rolled_back([&] {
    pg::query(insert);
    const Place middle;
    try {
      pg::rolled_back([&] {
        pg::query(insert);
        seen += count_rows(count) + " ";
        pg::query("SELECT 1/0");
      });
    } catch (const pg::PgError&) {
      seen += middle.difference() + " ";
    }
    seen += count_rows(count) + " ";
  });
  return seen + count_rows(count) + " " + place.difference();
}

core::Text rows_as_text(const pg::Rows& rows) {
  core::Text result;
  for (int row = 0; row < rows.rows; row++) {
    for (int column = 0; column < rows.columns; column++) {
      if (column > 0) result += "|";
      result += rows.at(row, column) != nullptr ? core::Text(rows.text(row, column)) : "NULL";
    }
    result += "\n";
  }
  return result;
}

core::Text run_query(const char* const* texts, int count) {
  switch (count) {
    case 1:
      return rows_as_text(pg::query(texts[0]));
    case 2:
      return rows_as_text(pg::query(texts[0], {texts[1]}));
    case 3:
      return rows_as_text(pg::query(texts[0], {texts[1], texts[2]}));
    default:
      return rows_as_text(pg::query(texts[0], {"", "", "", "", "", "", "", "", "", "", "", "", "",
                                               "", "", "", "", "", "", "", "", "", "", "", ""}));
  }
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

Datum db_guard_wall_roll_back(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const char* sql = wall::text_argument(fcinfo, 0);
  const char* way = wall::text_argument(fcinfo, 1);
  PG_RETURN_TEXT_P(pg::enter([&] { return wall::text_for(caller, wall::roll_back(sql, way)); }));
}

Datum db_guard_wall_roll_back_nested(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const char* insert = wall::text_argument(fcinfo, 0);
  const char* count = wall::text_argument(fcinfo, 1);
  PG_RETURN_TEXT_P(
      pg::enter([&] { return wall::text_for(caller, wall::roll_back_nested(insert, count)); }));
}

// The statement and its parameters; a NULL parameter stays one.
Datum db_guard_wall_query(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const int count = PG_NARGS();
  const char* texts[4] = {};
  for (int i = 0; i < count; i++) {
    if (!PG_ARGISNULL(i)) texts[i] = wall::text_argument(fcinfo, i);
  }
  PG_RETURN_TEXT_P(
      pg::enter([&] { return wall::text_for(caller, wall::run_query(texts, count)); }));
}

// Swallows the error of a statement and says it.
Datum db_guard_wall_query_rolled_back(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const char* sql = wall::text_argument(fcinfo, 0);
  PG_RETURN_TEXT_P(pg::enter([&] {
    core::Text outcome = "no error";
    try {
      pg::rolled_back([&] { pg::query(sql); });
    } catch (const pg::PgError& error) {
      outcome = error.what();
    }
    return wall::text_for(caller, outcome);
  }));
}
