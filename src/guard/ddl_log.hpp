// The table db_guard.ddl_log: who ran which DDL, what the rules said, and what came of it.
#pragma once

#include "guard/frame.hpp"
#include "pg/prelude.hpp"

namespace db_guard::guard {

// One row, as plain texts; null is NULL.
struct LogEntry {
  TimestampTz logged_at;
  const char* user_name;
  const char* session_user_name;
  const char* client_address;
  const char* application_name;
  int process_id;
  uint64 transaction_id;  // 0: none was assigned
  const char* command_tag;
  const char* object;
  const char* statement;
  const char* outcome;
  const char* findings;  // JSON
  const char* allow_reason;
  const char* analysis_error;
  const char* dropped;  // JSON
  double duration_ms;   // below 0: not known
};

// All of this is plain server code.

// What a statement is about.
struct LogObject {
  const char* name;  // null where the statement names nothing that is known here
  bool temporary;    // a temporary relation
  Oid relation;      // where it was looked up and found
};
// At the start of a statement that will leave the name as it is: at the end, when the statement has
// emptied the caches, the look-up costs several times as much.
void note_object(Frame& frame, const Node* tree);
// As the frame knows it, or else looked up.
LogObject object_of(const Frame& frame, const Node* tree);

// Who, where and what, from this session; the rest stays empty.
LogEntry entry_of_session(const Frame& frame, const Node* tree, const char* tag,
                          const char* object);

// Inserts the row in the current transaction. A missing or altered table is a WARNING, since the
// statement itself must not fail over its log.
void insert_entry(const LogEntry& entry);

// Has the row committed by another process, so that it outlives the error that is about to be
// raised. Returns when that is done or has failed; a failure is reported in the server log.
void insert_entry_elsewhere(const LogEntry& entry);

// True when every relation that the statement names is temporary, and none will be found by that
// name once the statement has run.
bool takes_temporary_name_away(const Node* tree);

}  // namespace db_guard::guard
