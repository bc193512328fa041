// The four things a table can have enabled, as data.
#pragma once

#include <string_view>

namespace db_guard::columns {

struct Feature {
  std::string_view name;          // in managed_tables and in the SQL functions' names
  const char* function;           // db_guard.<function>()
  const char* trigger_name;       // the first to try
  const char* events;             // "BEFORE UPDATE"; %I is the column
  const char* types;              // of columns: a regtype array
  std::string_view type_words;    // the same for people
  std::string_view type_example;  // what to make the column
  bool changes_every_update;      // an index on the column would end HOT updates
  bool must_be_nullable;
};

// BEFORE triggers fire in the order of their names, and these must see what the others have done;
// AFTER DELETE the row must be back before foreign keys look, whose names begin with RI_.
inline constexpr Feature kUpdatedAt{"updated_at",
                                    "set_updated_at",
                                    "zzz_db_guard_updated_at",
                                    "BEFORE UPDATE",
                                    "{timestamptz,timestamp}",
                                    "timestamptz or timestamp",
                                    "timestamptz",
                                    true,
                                    false};
inline constexpr Feature kRowVersion{"row_version",
                                     "count_row_version",
                                     "zzz_db_guard_row_version",
                                     "BEFORE UPDATE",
                                     "{bigint,integer,smallint}",
                                     "bigint, integer or smallint",
                                     "bigint",
                                     true,
                                     false};
inline constexpr Feature kCreatedBy{"created_by",
                                    "set_created_by",
                                    "zzz_db_guard_created_by",
                                    "BEFORE INSERT OR UPDATE OF %I",
                                    "{text,varchar,name}",
                                    "text, varchar or name",
                                    "text",
                                    false,
                                    false};
inline constexpr Feature kSoftDelete{"soft_delete",
                                     "keep_deleted_row",
                                     "A_db_guard_soft_delete",
                                     "AFTER DELETE",
                                     "{timestamptz,timestamp}",
                                     "timestamptz or timestamp",
                                     "timestamptz",
                                     false,
                                     true};

inline constexpr const Feature* kFeatures[] = {&kUpdatedAt, &kRowVersion, &kCreatedBy,
                                               &kSoftDelete};

}  // namespace db_guard::columns
