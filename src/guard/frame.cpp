#include "guard/frame.hpp"

extern "C" {
#include "access/xact.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
}

namespace db_guard::guard {

namespace {

Frame* innermost = nullptr;

// For the one statement of a session that loads the library.
Frame loading{};
bool loading_in_use = false;

// Looking for the statement means parsing the whole string once more.
constexpr std::size_t kLongestSearched = 1024 * 1024;

// The tree of a statement inside a function or DO is not in the client's string.
void locate(Frame& frame, const Node* tree) {
  frame.located = false;
  if (frame.query == nullptr || std::strlen(frame.query) > kLongestSearched) return;
  List* statements = raw_parser(frame.query, RAW_PARSE_DEFAULT);
  ListCell* cell = nullptr;
  foreach (cell, statements) {
    const auto* raw = static_cast<RawStmt*>(lfirst(cell));
    if (!equal(raw->stmt, tree)) continue;
    frame.location = raw->stmt_location;
    frame.length = raw->stmt_len;
    frame.located = true;
    return;
  }
}

void release(Frame& frame) {
  if (frame.memory != nullptr) MemoryContextDelete(frame.memory);
  frame.memory = nullptr;
}

Frame& loading_frame(const Node* tree) {
  if (loading_in_use) return loading;
  release(loading);
  loading = Frame{};
  loading.query = debug_query_string;
  loading.started = GetCurrentStatementStartTimestamp();
  loading_in_use = true;
  locate(loading, tree);
  return loading;
}

}  // namespace

Frame& current_frame(const Node* tree) {
  return innermost != nullptr ? *innermost : loading_frame(tree);
}

const char* keep_in_frame(Frame& frame, const char* text) {
  if (frame.memory == nullptr) {
    frame.memory =
        AllocSetContextCreate(TopMemoryContext, "db_guard statement", ALLOCSET_SMALL_SIZES);
  }
  return MemoryContextStrdup(frame.memory, text);
}

void open_frame(Frame& frame) {
  // The statement that loaded the library is over when the hook is called for another one, unless
  // this one runs inside it; its frame then still serves its own ddl_command_end.
  frame.outer = innermost;
  innermost = &frame;
}

void close_frame(Frame& frame) {
  release(frame);
  innermost = frame.outer;
}

}  // namespace db_guard::guard
