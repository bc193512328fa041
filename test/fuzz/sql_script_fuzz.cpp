// split_script on any bytes: the pieces stand in order, none overlaps, and nothing but blanks,
// comments and semicolons is left between them.
#include <cstdint>
#include <cstdlib>

#include "core/sql_script.hpp"
#include "core/sql_text.hpp"

using namespace db_guard;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_gap(std::string_view script, std::size_t from, std::size_t to) {
  const std::string_view before = script.substr(0, to);
  std::size_t at = from;
  while ((at = core::skip_blanks(before, at)) < to) {
    require(script[at] == ';');
    at++;
  }
}

void check(std::string_view script) {
  std::size_t end = 0;
  int line = 1;
  for (const core::Piece& piece : core::split_script(script)) {
    require(piece.offset >= end && piece.offset + piece.text.size() <= script.size());
    require(script.substr(piece.offset, piece.text.size()) == piece.text);
    require(piece.line >= line && piece.line == core::line_of(script, piece.offset));
    if (piece.kind == core::PieceKind::kStatement) {
      require(!piece.text.empty());
      check_gap(script, end, piece.offset);
    }
    end = piece.offset + piece.text.size();
    line = piece.line;
    // What follows the data of COPY is the line that ends them.
    if (piece.kind != core::PieceKind::kStatement) return;
  }
  check_gap(script, end, script.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({reinterpret_cast<const char*>(data), size});
  return 0;
}
