#include "lint/script_settings.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace db_guard::lint {

namespace {

// Those that decide what a statement means, how long it waits, and what the guard lets pass.
constexpr const char* kFollowed[] = {"db_guard.allow",     "db_guard.allow_reason",
                                     "default_tablespace", "lock_timeout",
                                     "search_path",        "timezone"};

bool is_followed(const char* name) {
  for (const char* followed : kFollowed) {
    if (pg_strcasecmp(name, followed) == 0) return true;
  }
  return false;
}

// To the server, what goes on here is a subtransaction, whose SET LOCAL would outlive it. SAVE does
// not, and wants a level of its own.
void set(const char* name, const char* value, bool local) {
  if (local) (void)NewGUCNestLevel();
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
                          local ? GUC_ACTION_SAVE : GUC_ACTION_SET, true, 0, false);
}

}  // namespace

void ScriptSettings::begin() { level_ = NewGUCNestLevel(); }

void ScriptSettings::forget() { AtEOXact_GUC(false, level_); }

void ScriptSettings::follow(VariableSetStmt* statement) const {
  if (statement->kind == VAR_RESET_ALL) {
    for (const char* followed : kFollowed) set(followed, nullptr, false);
    return;
  }
  if (statement->name == nullptr || !is_followed(statement->name)) return;
  // Outside a transaction block SET LOCAL is over as soon as it is said.
  if (statement->is_local && !in_transaction_block()) return;
  switch (statement->kind) {
    case VAR_SET_VALUE:
      set(statement->name, ExtractSetVariableArgs(statement), statement->is_local);
      break;
    case VAR_SET_DEFAULT:
    case VAR_RESET:
      set(statement->name, nullptr, statement->is_local);
      break;
    default:
      break;
  }
}

bool ScriptSettings::begin_block() {
  if (in_transaction_block()) return false;
  transaction_level_ = NewGUCNestLevel();
  return true;
}

void ScriptSettings::end_block(bool commits, bool chain) {
  if (in_transaction_block()) AtEOXact_GUC(commits, transaction_level_);
  transaction_level_ = chain ? NewGUCNestLevel() : 0;
}

void ScriptSettings::follow(const TransactionStmt* statement) {
  switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
      (void)begin_block();
      break;
    case TRANS_STMT_COMMIT:
    case TRANS_STMT_PREPARE:
    case TRANS_STMT_ROLLBACK:
      end_block(statement->kind != TRANS_STMT_ROLLBACK, statement->chain);
      break;
    default:
      break;
  }
}

void ScriptSettings::end_file() {
  transaction_level_ = 0;
  AtEOXact_GUC(false, level_);
  level_ = NewGUCNestLevel();
}

}  // namespace db_guard::lint
