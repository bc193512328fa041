// The safe ways of indexes that several rules propose.
#pragma once

#include "rules/steps.hpp"

namespace db_guard::rules {

// The index that the user's CREATE INDEX describes.
OnlineIndex index_of(const ddl::KeySpec& key);

// REINDEX as typed, with CONCURRENTLY.
Text reindex_concurrently(std::string_view statement);

}  // namespace db_guard::rules
