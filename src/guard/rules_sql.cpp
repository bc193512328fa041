// The rules as rows, for the view db_guard.rules.
#include "core/text.hpp"
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(db_guard_list_rules);
}

namespace db_guard::guard {

namespace {

constexpr int kColumns = 14;

core::Text effect_of(const rules::Rule& rule) {
  return core::concat({ddl::lock_name(rule.lock), ", ", rule.work, ". ", rule.what});
}

void put_rule(const rules::Rule& rule, ReturnSetInfo* result) {
  const core::Text effect = effect_of(rule);
  const core::Text since_server = core::number(rule.since_server);
  const bool locks = rule.lock != ddl::Lock::kNone;
  const std::string_view fields[kColumns] = {rule.slug,
                                             rule.family,
                                             core::severity_name(rule.severity),
                                             rule.title,
                                             effect,
                                             rule.why,
                                             rule.safe_way,
                                             rule.bad_example,
                                             rule.since_version,
                                             rule.setup,
                                             rule.good_example,
                                             locks ? ddl::lock_mode(rule.lock) : "none",
                                             rule.work,
                                             since_server};
  pg::call([&] {
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    for (int i = 0; i < kColumns; i++) {
      values[i] = PointerGetDatum(
          cstring_to_text_with_len(fields[i].data(), static_cast<int>(fields[i].size())));
    }
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  });
}

}  // namespace

}  // namespace db_guard::guard

Datum db_guard_list_rules(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  db_guard::pg::enter([&] {
    for (const db_guard::rules::Rule* rule : db_guard::rules::all_rules()) {
      db_guard::guard::put_rule(*rule, result);
    }
  });
  PG_RETURN_NULL();
}
