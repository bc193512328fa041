#include "guard/settings.hpp"

#include "core/text.hpp"
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "pg/roles.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/guc.h"
}

namespace db_guard::guard {

namespace {

Settings values{};

const config_enum_entry kModes[] = {
    {"block", static_cast<int>(Mode::kBlock), false},
    {"warn", static_cast<int>(Mode::kWarn), false},
    {"log", static_cast<int>(Mode::kLog), false},
    {"off", static_cast<int>(Mode::kOff), false},
    {nullptr, 0, false},
};

// Texts for the server's error, kept where they outlive the C++ that made them.
struct Complaint {
  bool found;
  char rule[NAMEDATALEN * 2];
  char hint[1024];
};

void fill_complaint(const char* list, Complaint& complaint) {
  const auto unknown = rules::unknown_rules(list);
  if (unknown.empty()) return;
  complaint.found = true;
  const char* rule = unknown.front().c_str();
  const int most = sizeof(complaint.rule) - 1;
  const auto length =
      int(std::min<std::size_t>(unknown.front().size(), most + MAX_MULTIBYTE_CHAR_LEN));
  const int kept = pg::call([&] { return pg_mbcliplen(rule, length, most); });
  strlcpy(complaint.rule, rule, std::size_t(kept) + 1);
  strlcpy(complaint.hint, rules::suggest_rules(unknown.front()).c_str(), sizeof(complaint.hint));
}

bool check_allow(char** value, void**, GucSource) {
  if (*value == nullptr || **value == '\0') return true;
  Complaint complaint{};
  const char* list = *value;
  pg::enter([&] { fill_complaint(list, complaint); });
  if (!complaint.found) return true;
  GUC_check_errmsg("db_guard has no rule \"%s\"", complaint.rule);
  GUC_check_errdetail("db_guard.allow takes a comma-separated list of rules, or all.");
  GUC_check_errhint("%s", complaint.hint);
  return false;
}

}  // namespace

const Settings& settings() noexcept { return values; }

Mode mode() noexcept { return static_cast<Mode>(values.mode); }

void define_settings() {
  DefineCustomStringVariable(
      "db_guard.allow", "Rules that may be broken, or all.",
      "Comma-separated rule names. Use SET LOCAL, so that it ends with the transaction.",
      &values.allow, "", PGC_USERSET, 0, check_allow, nullptr, nullptr);
  DefineCustomStringVariable("db_guard.allow_reason", "Why db_guard.allow is set; it is logged.",
                             nullptr, &values.allow_reason, "", PGC_USERSET, 0, nullptr, nullptr,
                             nullptr);
  DefineCustomBoolVariable("db_guard.log_ddl", "Records DDL in db_guard.ddl_log.", nullptr,
                           &values.log_ddl, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("db_guard.mode", "What a blocking finding does.",
                           "block: an error. warn: a WARNING. log: an entry in the log. off: "
                           "nothing is looked at.",
                           &values.mode, static_cast<int>(Mode::kBlock), kModes, PGC_SUSET, 0,
                           nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "db_guard.override_role", "Role whose members may use db_guard.allow; empty for everybody.",
      nullptr, &values.override_role, "", PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("db_guard.require_reason",
                           "Refuses db_guard.allow without db_guard.allow_reason.", nullptr,
                           &values.require_reason, false, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("db_guard.show_notes", "Raises notes as NOTICE, too.", nullptr,
                           &values.show_notes, false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("db_guard.small_table_size",
                          "Tables up to this size may be scanned and rewritten under a lock.",
                          "Heap and TOAST together; of a partitioned table, all partitions.",
                          &values.small_table_size_kb, 10 * 1024, 0, MAX_KILOBYTES, PGC_SUSET,
                          GUC_UNIT_KB, nullptr, nullptr, nullptr);
  MarkGUCPrefixReserved("db_guard");
}

bool may_override() { return pg::caller_has_role(values.override_role); }

}  // namespace db_guard::guard
