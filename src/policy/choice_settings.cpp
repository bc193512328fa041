#include "policy/choice_settings.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace db_guard::policy {

namespace {

using rules::KeyType;
using rules::TableNames;

char* pack_list = nullptr;
char* standard_columns = nullptr;
int key_type = static_cast<int>(KeyType::kUuid);
int table_names = static_cast<int>(TableNames::kPlural);

// The list, read when it is set.
rules::PackSet packs;

const config_enum_entry kKeyTypes[] = {
    {"uuid", static_cast<int>(KeyType::kUuid), false},
    {"bigint", static_cast<int>(KeyType::kBigint), false},
    {"any", static_cast<int>(KeyType::kAny), false},
    {nullptr, 0, false},
};

const config_enum_entry kTableNames[] = {
    {"plural", static_cast<int>(TableNames::kPlural), false},
    {"singular", static_cast<int>(TableNames::kSingular), false},
    {"any", static_cast<int>(TableNames::kAny), false},
    {nullptr, 0, false},
};

bool check_packs(char** value, void**, GucSource) {
  if (*value == nullptr) return true;
  const std::string_view unknown = rules::unknown_pack(*value);
  if (unknown.empty()) return true;
  GUC_check_errmsg("db_guard has no policy pack \"%.*s\"", int(unknown.size()), unknown.data());
  GUC_check_errhint("The packs are: %s. all stands for every one of them.",
                    rules::kAllPacks.data());
  return false;
}

void assign_packs(const char* value, void*) {
  packs = rules::packs_of(value != nullptr ? value : "");
}

}  // namespace

rules::Choices choices() noexcept {
  rules::Choices chosen;
  chosen.packs = packs;
  chosen.key_type = static_cast<KeyType>(key_type);
  chosen.table_names = static_cast<TableNames>(table_names);
  chosen.standard_columns = standard_columns;
  return chosen;
}

void define_choices() {
  DefineCustomEnumVariable("db_guard.key_type", "The type that primary keys are to have.",
                           "uuid or bigint: the other one is noted. any: nothing is said.",
                           &key_type, static_cast<int>(KeyType::kUuid), kKeyTypes, PGC_SUSET, 0,
                           nullptr, nullptr, nullptr);
  DefineCustomStringVariable("db_guard.policy_packs",
                             "Packs of rules about how things are declared.",
                             "Comma-separated, or all; empty for none. Their findings are notes, "
                             "unless db_guard.rules says "
                             "otherwise.",
                             &pack_list, "", PGC_SUSET, 0, check_packs, assign_packs, nullptr);
  DefineCustomStringVariable("db_guard.standard_columns", "Columns that every table is to have.",
                             "Comma-separated; empty for none.", &standard_columns,
                             rules::kStandardColumns.data(), PGC_SUSET, 0, nullptr, nullptr,
                             nullptr);
  DefineCustomEnumVariable("db_guard.table_names", "The number that tables are named in.",
                           "plural or singular: the other one is noted. any: nothing is said.",
                           &table_names, static_cast<int>(TableNames::kPlural), kTableNames,
                           PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace db_guard::policy
