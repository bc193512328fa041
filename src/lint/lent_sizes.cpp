#include "lint/lent_sizes.hpp"

#include <algorithm>

#include "lint/lint_settings.hpp"
#include "pg/spi.hpp"

namespace db_guard::lint {

namespace {

// In byte order, as the search below compares.
constexpr const char* kSizes = R"sql(
SELECT name, bytes, coalesce(rows, -1), total_bytes, coalesce(total_rows, -1), leaves, coalesce(scans, -1)
  FROM db_guard.lent_sizes
 ORDER BY name COLLATE "C")sql";

double number_of(std::string_view text) {
  return text.empty() ? -1 : std::strtod(text.data(), nullptr);
}

// Beyond every setting of db_guard.small_table_size, and yet sums of it are numbers.
constexpr std::uint64_t kLarge = std::uint64_t(1) << 50;

}  // namespace

void LentSizes::read() {
  if (is_read_) return;
  is_read_ = true;
  const pg::Rows rows = pg::query(kSizes);
  for (int row = 0; row < rows.rows; row++) {
    Lent lent;
    lent.name = rows.text(row, 0);
    lent.bytes = number_of(rows.text(row, 1));
    lent.rows = number_of(rows.text(row, 2));
    lent.total_bytes = number_of(rows.text(row, 3));
    lent.total_rows = number_of(rows.text(row, 4));
    lent.leaves = std::uint32_t(number_of(rows.text(row, 5)));
    lent.scans = number_of(rows.text(row, 6));
    lent_.push_back(std::move(lent));
  }
}

const LentSizes::Lent* LentSizes::find_by_name(std::string_view name) {
  read();
  const auto found = std::lower_bound(
      lent_.begin(), lent_.end(), name,
      [](const Lent& lent, std::string_view wanted) { return lent.name < wanted; });
  return found != lent_.end() && found->name == name ? &*found : nullptr;
}

std::optional<ddl::Size> LentSizes::find(std::string_view name, const ddl::Relation& relation,
                                         const ddl::Size& here) {
  if (!relation.has_rows()) return std::nullopt;
  ddl::Size size = here;
  const Lent* lent = find_by_name(name);
  if (lent != nullptr) {
    const bool whole = relation.has_children && !relation.only;
    size.bytes = std::uint64_t(whole ? lent->total_bytes : lent->bytes);
    size.rows = whole ? lent->total_rows : lent->rows;
    size.leaves = whole ? std::max(lent->leaves, here.leaves) : 0;
    return size;
  }
  if (!assume_large_tables()) return std::nullopt;
  size.bytes = kLarge;
  size.rows = -1;
  size.assumed = true;
  return size;
}

double LentSizes::scans(std::string_view index) {
  const Lent* lent = find_by_name(index);
  return lent != nullptr ? lent->scans : -1;
}

bool LentSizes::assumes_use() { return assume_large_tables(); }

}  // namespace db_guard::lint
