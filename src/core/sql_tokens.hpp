// SQL as a sequence of tokens, for what needs no parse tree: comments, texts that are compared
// without regard to layout, bodies in PL/pgSQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

enum class TokenKind : std::uint8_t {
  kEnd,
  kComment,     // with its marks; of -- without the line break
  kWord,        // a keyword, plain name or number
  kQuotedName,  // "..."
  kString,      // '...' or E'...'
  kDollar,      // $tag$...$tag$
  kSign,        // one character of anything else
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  std::size_t offset = 0;  // of text

  [[nodiscard]] std::size_t end() const { return offset + text.size(); }
};

// The token at or behind `at`. Never fails: what is not closed runs to the end. Assumes
// standard_conforming_strings = on.
Token next_token(std::string_view sql, std::size_t at);

// Whether the token is that keyword, written in lower case.
bool is_keyword(const Token& token, std::string_view keyword);

// The value of a token of kind kString or kDollar; an unclosed one has none beyond its end.
Text string_value(std::string_view token);

// A statement without comments and with one blank between tokens, words in lower case: the same for
// two that differ in layout only.
Text without_layout(std::string_view sql);

}  // namespace db_guard::core
