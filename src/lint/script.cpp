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
  ScriptStatement& add(int line, std::string_view text) {
    ScriptStatement statement;
    statement.number = int(statements.size()) + 1;
    statement.line = line;
    statement.text = pg::copy_text(text);
    statements.push_back(statement);
    return statements.back();
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
      ScriptStatement& added = add(line, core::trim_statement(all.substr(start, end - start)));
      added.tree = raw->stmt;
      added.source = text;
      added.location = raw->stmt_location;
      added.length = raw->stmt_len;
    }
  }

  void add_piece(const Piece& piece) {
    if (piece.kind == PieceKind::kMetaCommand) {
      ScriptStatement& added = add(piece.line, piece.text);
      added.problem = pg::copy_text(
          core::concat({piece.text.substr(0, 40), ": a command of psql, not of SQL"}));
      added.psql_command = true;
      return;
    }
    if (piece.kind == PieceKind::kCopyData) return;
    const char* text = pg::copy_text(piece.text);
    Text problem;
    const List* trees = parse(text, &problem);
    if (problem.empty()) {
      add_parsed(text, trees, piece.line);
    } else {
      add(piece.line, piece.text).problem = pg::copy_text(problem);
    }
  }

  Vector<ScriptStatement> statements;
};

}  // namespace

const char* located_problem(const ScriptStatement& statement) {
  return pg::copy_text(
      core::concat({"line ", core::number(statement.line), ": ", statement.problem}));
}

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
