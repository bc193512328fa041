// matches_like against the definition of LIKE, written down as it reads.
#include <cstdint>
#include <cstdlib>

#include "core/like_pattern.hpp"

using namespace db_guard;

namespace {

// Exponential, so the texts are short.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    return matches_by_definition(pattern.substr(1), text) ||
           (!text.empty() && matches_by_definition(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') return matches_by_definition(pattern.substr(1), text.substr(1));
  const std::size_t letter = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
  return pattern[letter] == text[0] &&
         matches_by_definition(pattern.substr(letter + 1), text.substr(1));
}

// Few letters, so that patterns match now and then.
char letter_of(std::uint8_t byte) { return "ab%_\\"[byte % 5]; }

std::size_t any_length(std::string_view text) { return std::size_t(text.front()); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = size == 0 ? 0 : data[0] % size;
  // Lengths that are wrong must not lead out of the texts.
  (void)core::matches_like(bytes.substr(middle), bytes.substr(0, middle), any_length);
  (void)core::letters_demanded(bytes, any_length);

  char letters[20];
  const std::size_t count = size < sizeof(letters) ? size : sizeof(letters);
  for (std::size_t i = 0; i < count; i++) letters[i] = letter_of(data[i]);
  const std::string_view pattern(letters, count / 2);
  const std::string_view text(letters + count / 2, count - count / 2);
  if (core::matches_like(pattern, text, core::one_byte) != matches_by_definition(pattern, text)) {
    std::abort();
  }
  return 0;
}
