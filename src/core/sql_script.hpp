// A script cut into its statements, as psql would cut it: for scripts that the server's parser does
// not take whole, because of a mistake in one statement, a psql command, or data between the lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

enum class PieceKind : std::uint8_t {
  kStatement,
  kMetaCommand,  // a backslash command of psql, to the end of its line
  kCopyData,     // the lines between COPY ... FROM STDIN and \.
};

struct Piece {
  PieceKind kind = PieceKind::kStatement;
  std::string_view text;   // without blanks and comments in front, without the semicolon
  std::size_t offset = 0;  // of text in the script
  int line = 1;            // of its first character
};

// Never fails: what is not closed (a quote, a comment, a parenthesis) runs to the end of the
// script. Assumes standard_conforming_strings = on.
Vector<Piece> split_script(std::string_view script);

// The line of an offset, from 1.
int line_of(std::string_view script, std::size_t offset);

}  // namespace db_guard::core
