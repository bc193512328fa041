#include <algorithm>

#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "float-money";

constexpr std::string_view kAmounts[] = {"amount",   "balance", "cost",   "costs", "fee",
                                         "fees",     "price",   "prices", "rent",  "salary",
                                         "subtotal", "wage",    "wages"};
constexpr std::string_view kCurrencies[] = {"chf", "eur", "gbp", "jpy", "usd"};

template <std::size_t kSize>
bool is_among(const std::string_view (&words)[kSize], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// By the last word, and behind a currency by the one before: "price", "unit_price", "price_eur".
bool speaks_of_money(std::string_view name) {
  std::string_view word = last_word(name);
  if (is_among(kCurrencies, word) && word.size() < name.size()) {
    name.remove_suffix(word.size() + 1);
    word = last_word(name);
  }
  return is_among(kAmounts, word);
}

bool applies(const ddl::ColumnSpec& column) {
  return (column.type.is("float4") || column.type.is("float8")) && speaks_of_money(column.name.raw);
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({subject_of(review, columns), columns.size() == 1 ? " holds" : " hold",
                            " money, by the name, in floating point"});
  finding.detail = Text(
      "Floating point holds no cent exactly: sums come out a little off, and equal amounts compare "
      "as unequal. numeric is exact.");
  offer_type(review, columns, "numeric", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule float_money;
constexpr Rule float_money = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Amounts of money in floating point",
        "A column whose name speaks of money (price, amount, fee, balance ...) is declared real or "
        "double precision.",
        "Binary fractions hold no tenth and no cent exactly: sums come out a little off, and equal "
        "amounts compare as unequal.",
        "numeric, or the smallest unit as bigint.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN unit_price double precision;",
        "ALTER TABLE orders ADD COLUMN unit_price numeric;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kColumnType, DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
