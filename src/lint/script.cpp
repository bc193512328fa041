#include "lint/script.hpp"

#include "core/sql_script.hpp"
#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "pg/arena.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "parser/parser.h"
}

namespace db_guard::lint {

namespace {

using core::Piece;
using core::PieceKind;
using core::Text;
using core::Vector;

// Null where the text is no SQL; `problem` then says what the server says.
List* parse(const char* text, Text* problem) {
  List* trees = nullptr;
  try {
    pg::rolled_back([&] { trees = pg::call([&] { return raw_parser(text, RAW_PARSE_DEFAULT); }); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    *problem = error.what();
  }
  return trees;
}

class Collector {
 public:
  void add(int line, std::string_view text, Node* tree, std::string_view problem = {}) {
    ScriptStatement statement;
    statement.number = int(statements.size()) + 1;
    statement.line = line;
    statement.text = pg::copy_text(text);
    statement.tree = tree;
    if (tree == nullptr) statement.problem = pg::copy_text(problem);
    statements.push_back(statement);
  }

  // Lines are counted once, from statement to statement.
  void add_parsed(const char* text, const List* trees, int first_line) {
    const std::string_view all(text);
    std::size_t counted = 0;
    int line = first_line;
    for (int i = 0; i < list_length(trees); i++) {
      const auto* raw = static_cast<const RawStmt*>(list_nth(trees, i));
      const std::size_t start =
          core::skip_blanks(all, std::size_t(std::max(raw->stmt_location, 0)));
      const std::size_t end = raw->stmt_len > 0
                                  ? std::size_t(raw->stmt_location) + std::size_t(raw->stmt_len)
                                  : all.size();
      line += int(std::count(all.begin() + std::ptrdiff_t(counted),
                             all.begin() + std::ptrdiff_t(start), '\n'));
      counted = start;
      add(line, core::trim_statement(all.substr(start, end - start)), raw->stmt);
    }
  }

  void add_piece(const Piece& piece) {
    if (piece.kind == PieceKind::kMetaCommand) {
      add(piece.line, piece.text, nullptr,
          core::concat({"line ", core::number(piece.line), ": ", piece.text.substr(0, 40),
                        ": a command of psql, not of SQL"}));
      return;
    }
    if (piece.kind == PieceKind::kCopyData) return;
    const char* text = pg::copy_text(piece.text);
    Text problem;
    const List* trees = parse(text, &problem);
    if (problem.empty()) {
      add_parsed(text, trees, piece.line);
    } else {
      add(piece.line, piece.text, nullptr,
          core::concat({"line ", core::number(piece.line), ": ", problem}));
    }
  }

  Vector<ScriptStatement> statements;
};

}  // namespace

Vector<ScriptStatement> parse_script(const char* sql) {
  Collector collector;
  Text problem;
  const List* trees = parse(sql, &problem);
  if (problem.empty()) {
    collector.add_parsed(sql, trees, 1);
  } else {
    for (const Piece& piece : core::split_script(sql)) collector.add_piece(piece);
  }
  return std::move(collector.statements);
}

}  // namespace db_guard::lint
