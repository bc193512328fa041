#include "core/fingerprint.hpp"

namespace db_guard::core {

namespace {

constexpr std::uint64_t kOffset = 14695981039346656037ULL;
constexpr std::uint64_t kPrime = 1099511628211ULL;

std::uint64_t add(std::uint64_t state, std::string_view text) {
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * kPrime;
  // A byte that no text has, so that "ab", "c" differs from "a", "bc".
  return (state ^ 0xff) * kPrime;
}

}  // namespace

std::uint64_t fingerprint_of(std::initializer_list<std::string_view> texts) {
  std::uint64_t state = kOffset;
  for (const auto text : texts) state = add(state, text);
  return state;
}

}  // namespace db_guard::core
