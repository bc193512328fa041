// Runs a statement down the road: effects, rules, policy, outcome.
#pragma once

#include "guard/frame.hpp"

namespace db_guard::guard {

// The statement as an event trigger sees it.
struct Event {
  const Node* tree;
  const char* tag;
  Frame* frame;
};

// At ddl_command_start, before any lock is taken. Throws core::Error DG001 to block.
void judge_statement(const Event& event);

// Plain server code. Before commit: what the transaction leaves behind. Raises DG001 to block.
void judge_transaction();

// At table_rewrite: the last net, with the lock already held.
void judge_rewrite(const Event& event, Oid table);

}  // namespace db_guard::guard
