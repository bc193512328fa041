// Who writes, once a transaction: its rows in db_guard.audit_transaction, written just before
// commit.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::rowaudit {

// Defines db_guard.actor and db_guard.context.
void define_context_settings();

// Plain server code. The number of the running transaction's part that the next events belong to.
// A change of role, actor or context begins a new part.
int64 current_part();

// Plain server code. No event of the running transaction has a lower number; INT64_MAX where it has
// none.
int64 first_own_number();

}  // namespace db_guard::rowaudit
