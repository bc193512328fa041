// The settings by which the owner of a database chooses among the policy packs: db_guard.key_type,
// policy_packs, standard_columns and table_names.
#pragma once

#include "rules/choices.hpp"

namespace db_guard::policy {

// As they hold now; its texts are the settings' own.
rules::Choices choices() noexcept;

void define_choices();

}  // namespace db_guard::policy
