#include "batch/walk_choice.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/text.hpp"

namespace db_guard::batch {

namespace {

using core::concat;
using core::Text;

// Primes, because the rows of a page then take turns evenly whatever the step of their keys is.
// With more passes a page is visited too often, with fewer too many rows have to leave it.
constexpr int kPasses[] = {11, 7, 5, 3, 2};
// Below it neighbours in the key are strangers on disk, and every batch is a stride by itself.
constexpr double kScattered = 0.5;
// A table that fits into a few pages is done in one batch whatever the walk.
constexpr std::int64_t kSmallPages = 64;

// Why stride would not pay; empty where it would.
Text against_stride(const Traits& traits) {
  if (traits.deletes) return Text("a deletion leaves its space, whatever the order");
  if (!traits.changed_index.empty()) {
    return concat(
        {"index ", traits.changed_index, " has to follow each change, so no update can be HOT"});
  }
  if (!traits.is_heap) return Text("its storage is not the server's own, and may not know HOT");
  if (traits.pages < kSmallPages) return Text("the table is small");
  if (traits.rows_per_page < 2) return Text("a page holds hardly more than one row");
  if (traits.has_key && std::fabs(traits.correlation) < kScattered) {
    return Text("neighbours in the order of the key lie on different pages, which spreads each "
                "batch by itself");
  }
  return {};
}

int passes_for(const Traits& traits) {
  for (const int passes : kPasses) {
    if (passes <= traits.rows_per_page) return passes;
  }
  return 2;
}

[[noreturn]] void refuse_without_key(const Traits& traits) {
  throw core::Error(
      "0A000", Text("the table has no key that tells changed rows from unchanged ones"),
      traits.has_where
          ? Text("Rows that still satisfy the WHERE after the change would be changed again.")
          : Text(
                "Without a WHERE that leaves out what is changed, a row that another session moves "
                "meanwhile would be missed, or changed twice."),
      Text("Add a unique index over NOT NULL columns that the SET clause does not change, or a "
           "WHERE "
           "that a changed row does not satisfy, such as: new_column IS NULL."));
}

Choice pages_walk(const Traits& traits, const Text& against) {
  if (!traits.has_where && !traits.deletes) refuse_without_key(traits);
  const Text why = traits.has_key ? Text("as asked") : Text("the table has no usable key");
  if (!against.empty()) return {Walk::kPages, 1, concat({why, "; ", against})};
  return {Walk::kPages, passes_for(traits), concat({why, "; a few rows of every page in turn"})};
}

}  // namespace

std::optional<Walk> walk_by_name(std::string_view name) {
  for (const Walk walk : {Walk::kAuto, Walk::kStride, Walk::kKeyset, Walk::kPages}) {
    if (walk_name(walk) == name) return walk;
  }
  return std::nullopt;
}

std::string_view walk_name(Walk walk) {
  switch (walk) {
    case Walk::kAuto:
      return "auto";
    case Walk::kStride:
      return "stride";
    case Walk::kKeyset:
      return "keyset";
    case Walk::kPages:
      return "pages";
  }
  return "";
}

Choice choose_walk(const Traits& traits, Walk wanted) {
  const Text against = against_stride(traits);
  const Text against_now = against.empty() ? traits.held_horizon : against;
  if (wanted == Walk::kPages || !traits.has_key) {
    if (wanted == Walk::kStride || wanted == Walk::kKeyset) {
      throw core::Error(
          "0A000", concat({"the walk ", walk_name(wanted), " needs a key"}), {},
          Text("Add a unique index over NOT NULL columns that the SET clause does not "
               "change, or ask for the walk auto."));
    }
    return pages_walk(traits, against_now);
  }
  if (wanted == Walk::kStride) {
    return {Walk::kStride, passes_for(traits),
            against_now.empty() ? Text("as asked") : concat({"as asked, though ", against_now})};
  }
  if (wanted == Walk::kKeyset) return {Walk::kKeyset, 1, Text("as asked")};
  if (!against.empty()) return {Walk::kKeyset, 1, against};
  // That passes: one pass until then.
  if (!traits.held_horizon.empty()) return {Walk::kStride, 1, traits.held_horizon};
  return {Walk::kStride, passes_for(traits),
          Text("no index has to follow the change, so updates can be HOT")};
}

}  // namespace db_guard::batch
