// Kinds of actions or declarations, for a rule to say which it looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace db_guard::ddl {

template <class Kind>
class SetOf {
 public:
  constexpr SetOf(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) add(kind);
  }
  constexpr void add(Kind kind) {
    words_[std::size_t(kind) / 64] |= std::uint64_t(1) << (std::size_t(kind) % 64);
  }
  constexpr void add(const SetOf& other) {
    for (std::size_t i = 0; i < 2; i++) words_[i] |= other.words_[i];
  }
  [[nodiscard]] constexpr SetOf without(Kind kind) const {
    SetOf rest = *this;
    rest.words_[std::size_t(kind) / 64] &= ~(std::uint64_t(1) << (std::size_t(kind) % 64));
    return rest;
  }
  [[nodiscard]] constexpr bool has(Kind kind) const {
    return (words_[std::size_t(kind) / 64] >> (std::size_t(kind) % 64) & 1) != 0;
  }

 private:
  std::uint64_t words_[2] = {0, 0};
};

}  // namespace db_guard::ddl
