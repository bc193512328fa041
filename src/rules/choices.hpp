// What the owner of a database has chosen where the field disagrees, and which packs of rules hold.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace db_guard::rules {

// A pack is a family of rules about how things are declared. These go by taste, so that they can be
// put aside together.
constexpr std::string_view kPacks[] = {"data-types", "names", "security", "structure"};

class PackSet {
 public:
  static constexpr PackSet all() { return PackSet((1U << std::size(kPacks)) - 1); }
  constexpr PackSet() = default;

  constexpr void add(std::size_t pack) { bits_ |= 1U << pack; }
  // Whether the rules of that family hold; those of no pack always do.
  [[nodiscard]] bool has(std::string_view family) const;
  [[nodiscard]] bool empty() const { return bits_ == 0; }

 private:
  constexpr explicit PackSet(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

// Of a comma-separated list, or "all"; what is no pack counts for nothing. Neither of the two
// allocates, since settings are read where nothing may fail.
PackSet packs_of(std::string_view list) noexcept;
// The first item of the list that is no pack; empty where all are.
std::string_view unknown_pack(std::string_view list) noexcept;

enum class KeyType : std::uint8_t { kUuid, kBigint, kAny };
enum class TableNames : std::uint8_t { kPlural, kSingular, kAny };

constexpr std::string_view kAllPacks = "data-types, names, security, structure";
constexpr std::string_view kStandardColumns = "created_at, updated_at, deleted_at, created_by";

struct Choices {
  PackSet packs;
  KeyType key_type = KeyType::kUuid;
  TableNames table_names = TableNames::kPlural;
  std::string_view standard_columns = kStandardColumns;  // that every table is to have
};

}  // namespace db_guard::rules
