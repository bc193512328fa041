#include "columns/standard_columns.hpp"

#include "columns/install.hpp"
#include "core/text.hpp"
#include "pg/spi.hpp"

namespace db_guard::columns {

namespace {

struct StandardColumn {
  const char* name;
  const char* definition;
  const Feature* feature;
};

// now() is the same for all rows, so the server neither rewrites nor scans the table.
constexpr StandardColumn kColumns[kStandardColumns] = {
    {"created_at", "timestamptz NOT NULL DEFAULT pg_catalog.now()", nullptr},
    {"updated_at", "timestamptz NOT NULL DEFAULT pg_catalog.now()", &kUpdatedAt},
    {"deleted_at", "timestamptz", &kSoftDelete},
    {"created_by", "text", &kCreatedBy},
};

bool has_column(const char* table, const char* column) {
  return pg::query("SELECT 1 FROM pg_attribute WHERE attrelid = $1::oid AND attname = $2 AND "
                   "NOT attisdropped",
                   {table, column})
             .rows > 0;
}

Text alter_statement(const Text& target, const StandardColumns& missing) {
  Text statement;
  for (int i = 0; i < kStandardColumns; i++) {
    if (!missing.added[i]) continue;
    statement.append(statement.empty() ? core::concat({"ALTER TABLE ", target}) : Text(","));
    statement.append(core::concat({" ADD COLUMN ", kColumns[i].name, " ", kColumns[i].definition}));
  }
  return statement;
}

}  // namespace

const char* standard_column_name(int index) noexcept { return kColumns[index].name; }

StandardColumns add_standard_columns(const char* table) {
  const Target target = owned_target(table);
  StandardColumns missing{};
  for (int i = 0; i < kStandardColumns; i++) {
    missing.added[i] = !has_column(table, kColumns[i].name);
  }
  const Text statement = alter_statement(target.name, missing);
  if (!statement.empty()) pg::query(statement.c_str());
  for (const StandardColumn& column : kColumns) {
    if (column.feature != nullptr) enable({column.feature, table, column.name, {}});
  }
  return missing;
}

}  // namespace db_guard::columns
