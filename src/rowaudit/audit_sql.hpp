// Statements that the slice runs for itself.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace db_guard::rowaudit {

// Plain server code, between SPI_connect and SPI_finish. search_path is what the caller has pinned.
void run_sql(const char* sql);

// Several, as the owner of the log, and so that runs_own_statements() is true meanwhile.
void run_own_statements(const List* statements);
bool runs_own_statements();

struct Arguments {
  int count;
  const Oid* types;
  const Datum* values;
  const char* nulls;  // as SPI wants it; null: none is NULL
};
// Returns the number of rows, which are in SPI_tuptable.
uint64 run_sql_with(const char* sql, const Arguments& arguments);

// Runs the body as the owner of the log, under a pinned search_path, between SPI_connect and
// SPI_finish. What it returns must not be of SPI's memory.
template <class Body>
void as_log_owner(Body&& body);

// For what joins many events to their transactions. Of a table, or a time, that has come since the
// log was analyzed, the planner expects no events, and would join what there is one by one.
template <class Body>
void without_nested_loops(Body&& body);

}  // namespace db_guard::rowaudit

#include "pg/search_path.hpp"
#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/guc.h"
}

namespace db_guard::rowaudit {

template <class Body>
void as_log_owner(Body&& body) {
  const SavedUser saved = enter_log_owner();
  const int nest_level = pg::pin_search_path();
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  body();
  SPI_finish();
  pg::unpin_search_path(nest_level);
  leave_log_owner(saved);
}

template <class Body>
void without_nested_loops(Body&& body) {
  const int level = NewGUCNestLevel();
  (void)set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, 0, false);
  body();
  AtEOXact_GUC(false, level);
}

}  // namespace db_guard::rowaudit
