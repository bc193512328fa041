// The library's one entry point for the server: each slice sets itself up, nothing else happens.
#include "batch/batch_launcher.hpp"
#include "columns/column_settings.hpp"
#include "columns/plan_time.hpp"
#include "guard/settings.hpp"
#include "guard/transaction_state.hpp"
#include "guard/unseen_commands.hpp"
#include "guard/utility_hook.hpp"
#include "lint/lint_settings.hpp"
#include "lint/observer.hpp"
#include "pg/prelude.hpp"
#include "policy/choice_settings.hpp"
#include "rowaudit/audit_context.hpp"
#include "rowaudit/audit_partition.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init() {
  // The guard's come last: with them goes the prefix.
  db_guard::columns::define_settings();
  db_guard::rowaudit::define_context_settings();
  db_guard::rowaudit::define_partition_settings();
  db_guard::lint::define_settings();
  db_guard::batch::register_launcher();
  db_guard::policy::define_choices();
  db_guard::guard::define_settings();
  db_guard::guard::remember_how_loaded();
  db_guard::guard::install_utility_hook();
  db_guard::guard::watch_transactions();
  db_guard::lint::install_observer();
  db_guard::columns::install_plan_hooks();
}
