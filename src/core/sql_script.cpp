#include "core/sql_script.hpp"

#include <algorithm>

#include "core/sql_text.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

bool is_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() && std::equal(text.begin(), text.end(), word.begin(),
                                                  [](char a, char b) { return lower(a) == b; });
}

// What decides where a statement ends. BEGIN ATOMIC opens a body that may hold semicolons; inside
// it, CASE and BEGIN open something that END closes.
struct Scanner {
  std::string_view script;
  std::size_t at = 0;
  int parentheses = 0;
  int body_depth = 0;
  int words = 0;               // of the statement so far
  bool creates = false;        // its first word is CREATE
  bool makes_routine = false;  // ... FUNCTION or PROCEDURE
  bool after_begin = false;    // the last word was BEGIN
  bool copies = false;         // its first word is COPY
  bool after_from = false;     // the last word was FROM
  bool copies_from_client = false;

  [[nodiscard]] bool at_end() const { return at >= script.size(); }
  [[nodiscard]] char now() const { return script[at]; }
  [[nodiscard]] char next() const { return at + 1 < script.size() ? script[at + 1] : '\0'; }
};

void begin_statement(Scanner& scanner) {
  const auto script = scanner.script;
  const auto at = scanner.at;
  scanner = Scanner{};
  scanner.script = script;
  scanner.at = at;
}

void note_word(Scanner& scanner, std::string_view word) {
  if (scanner.words++ == 0) {
    scanner.creates = is_word(word, "create");
    scanner.copies = is_word(word, "copy");
  }
  if (scanner.copies && scanner.after_from && is_word(word, "stdin")) {
    scanner.copies_from_client = true;
  }
  scanner.after_from = is_word(word, "from");
  if (is_word(word, "function") || is_word(word, "procedure")) {
    scanner.makes_routine = scanner.creates;
  }
  const bool begins = is_word(word, "begin");
  if (scanner.body_depth > 0) {
    if (begins || is_word(word, "case")) scanner.body_depth++;
    if (is_word(word, "end")) scanner.body_depth--;
  } else if (scanner.makes_routine && scanner.after_begin && is_word(word, "atomic")) {
    scanner.body_depth = 1;
  }
  scanner.after_begin = begins;
}

// One step inside a statement.
void step(Scanner& scanner) {
  const char c = scanner.now();
  if (c == '(') scanner.parentheses++;
  if (c == ')' && scanner.parentheses > 0) scanner.parentheses--;
  const std::size_t start = scanner.at;
  scanner.at = end_of_token(scanner.script, start);
  if (starts_name(c)) note_word(scanner, scanner.script.substr(start, scanner.at - start));
}

bool ends_statement(const Scanner& scanner) {
  return scanner.now() == ';' && scanner.parentheses == 0 && scanner.body_depth == 0;
}

std::size_t end_of_line(std::string_view script, std::size_t at) {
  const auto end = script.find('\n', at);
  return end == kNone ? script.size() : end;
}

// \if, \gset and the like may follow a statement that they also send.
Piece meta_command(Scanner& scanner) {
  Piece piece;
  piece.kind = PieceKind::kMetaCommand;
  piece.offset = scanner.at;
  const std::size_t end = end_of_line(scanner.script, scanner.at);
  piece.text = trim_statement(scanner.script.substr(scanner.at, end - scanner.at));
  scanner.at = end;
  return piece;
}

Piece statement(Scanner& scanner) {
  Piece piece;
  piece.offset = scanner.at;
  std::size_t last = scanner.at;  // behind the last thing that is no blank and no comment
  while (!scanner.at_end() && !ends_statement(scanner) && scanner.now() != '\\') {
    step(scanner);
    last = scanner.at;
    scanner.at = skip_blanks(scanner.script, scanner.at);
  }
  piece.text = scanner.script.substr(piece.offset, last - piece.offset);
  if (!scanner.at_end() && scanner.now() == ';') scanner.at++;
  return piece;
}

// From the line behind COPY to the one that says \. or to the end.
Piece copy_data(Scanner& scanner) {
  Piece piece;
  piece.kind = PieceKind::kCopyData;
  scanner.at = std::min(end_of_line(scanner.script, scanner.at) + 1, scanner.script.size());
  piece.offset = scanner.at;
  std::size_t end = scanner.script.size();
  while (!scanner.at_end()) {
    const std::size_t line_end = end_of_line(scanner.script, scanner.at);
    const auto line = trim_statement(scanner.script.substr(scanner.at, line_end - scanner.at));
    const std::size_t start = scanner.at;
    scanner.at = std::min(line_end + 1, scanner.script.size());
    if (line != "\\.") continue;
    end = start;
    break;
  }
  piece.text = scanner.script.substr(piece.offset, end - piece.offset);
  return piece;
}

}  // namespace

int line_of(std::string_view script, std::size_t offset) {
  const auto part = script.substr(0, std::min(offset, script.size()));
  return 1 + int(std::count(part.begin(), part.end(), '\n'));
}

Vector<Piece> split_script(std::string_view script) {
  Vector<Piece> pieces;
  Scanner scanner;
  scanner.script = script;
  std::size_t counted = 0;
  int line = 1;
  const auto add = [&](Piece piece) {
    line += int(std::count(script.begin() + std::ptrdiff_t(counted),
                           script.begin() + std::ptrdiff_t(piece.offset), '\n'));
    counted = piece.offset;
    piece.line = line;
    pieces.push_back(piece);
  };
  for (;;) {
    begin_statement(scanner);
    scanner.at = skip_blanks(script, scanner.at);
    if (scanner.at_end()) return pieces;
    if (scanner.now() == ';') {
      scanner.at++;
    } else if (scanner.now() == '\\') {
      add(meta_command(scanner));
    } else {
      add(statement(scanner));
      if (scanner.copies_from_client) add(copy_data(scanner));
    }
  }
}

}  // namespace db_guard::core
