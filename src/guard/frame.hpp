// The utility statement that is running: its text, its start, and what the guard said about it. The
// utility hook opens a frame; event triggers read and fill it.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"
}

namespace db_guard::guard {

struct Frame {
  const char* query = nullptr;  // as the client or function sent it
  int location = 0;             // of the statement in it
  int length = 0;
  bool nested = false;  // runs inside another statement
  bool located = true;  // false: `query` only contains or calls the statement
  TimestampTz started = 0;
  bool foresaw_rewrite = false;  // a rule has spoken of it, at ddl_command_start
  bool skip_log = false;         // temporary objects only
  bool goes_to_log = false;  // of a command without event triggers: was to be logged at its start
  // Texts live in `memory`, which outlives the transactions of a CONCURRENTLY command.
  MemoryContext memory = nullptr;
  const char* object = nullptr;    // what the statement is about, where it was judged
  Oid relation = InvalidOid;       // where the object was looked up and is a relation
  const char* findings = nullptr;  // JSON
  const char* outcome = nullptr;   // "warned", "allowed"; null for "done"
  const char* analysis_error = nullptr;
  const char* dropped = nullptr;  // JSON
  Frame* outer = nullptr;
};

// The innermost frame. In the statement that loads the library the hook is not there yet; that one
// gets a frame of its own here.
Frame& current_frame(const Node* tree);

// Keeps a text as long as the frame.
const char* keep_in_frame(Frame& frame, const char* text);

// Frames are opened and closed by the utility hook alone.
void open_frame(Frame& frame);
void close_frame(Frame& frame);

}  // namespace db_guard::guard
