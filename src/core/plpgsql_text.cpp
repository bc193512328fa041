#include "core/plpgsql_text.hpp"

#include <algorithm>
#include <array>

#include "core/sql_tokens.hpp"

namespace db_guard::core {

namespace {

// Commands that rules speak of, or that tell later ones what is new, gone or in force. SELECT and
// its kind may be anything in PL/pgSQL and change no schema.
constexpr std::array<std::string_view, 13> kCommands = {
    "alter",   "cluster", "create", "delete", "drop",     "lock",  "refresh",
    "reindex", "reset",   "set",    "update", "truncate", "vacuum"};

bool begins_command(const Token& token) {
  return std::any_of(kCommands.begin(), kCommands.end(),
                     [&](std::string_view command) { return is_keyword(token, command); });
}

// WHEN MATCHED THEN UPDATE SET or DELETE: of MERGE, which begins elsewhere.
bool is_part_of_merge(const Token& token, const Token& next) {
  if (is_keyword(token, "update")) return is_keyword(next, "set");
  return is_keyword(token, "delete") && !is_keyword(next, "from");
}

// A statement of PL/pgSQL starts behind these.
bool opens_statement(const Token& token) {
  constexpr std::array<std::string_view, 4> kWords = {"begin", "then", "else", "loop"};
  return token.text == ";" || std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
           return is_keyword(token, word);
         });
}

bool closes_text(const Token& token) {
  return token.kind == TokenKind::kEnd || token.text == ";" || is_keyword(token, "using") ||
         is_keyword(token, "into");
}

class Reader {
 public:
  explicit Reader(std::string_view body) : body_(body) { advance(); }

  Vector<EmbeddedStatement> read() {
    bool at_start = true;
    while (token_.kind != TokenKind::kEnd) {
      if (at_start && is_keyword(token_, "execute")) {
        read_execute();
      } else if (at_start && begins_command(token_) && !is_something_else()) {
        read_command();
      }
      at_start = opens_statement(token_);
      if (token_.kind != TokenKind::kEnd) advance();
    }
    return std::move(found_);
  }

 private:
  void advance() {
    do {
      token_ = next_token(body_, token_.end());
    } while (token_.kind == TokenKind::kComment);
  }

  // Most of those words may be names, too.
  [[nodiscard]] bool is_something_else() const {
    const Token next = next_token(body_, token_.end());
    return next.text == ":" || next.text == "=" || next.text == "." || next.text == "[" ||
           is_part_of_merge(token_, next);
  }

  void add(std::size_t start, std::size_t end, Text sql, bool executed) {
    found_.push_back({std::move(sql), start, end - start, executed});
  }

  // To the semicolon, which stays.
  std::size_t skip_statement() {
    std::size_t end = token_.end();
    while (token_.kind != TokenKind::kEnd && token_.text != ";") {
      end = token_.end();
      advance();
    }
    return end;
  }

  // RETURNING ... INTO is PL/pgSQL's, not SQL's: what follows are its variables.
  void read_command() {
    const std::size_t start = token_.offset;
    std::size_t end = token_.end();
    std::size_t end_of_sql = 0;
    bool returns = false;
    while (token_.kind != TokenKind::kEnd && token_.text != ";") {
      if (returns && end_of_sql == 0 && is_keyword(token_, "into")) end_of_sql = end;
      returns = returns || is_keyword(token_, "returning");
      end = token_.end();
      advance();
    }
    if (end_of_sql == 0) end_of_sql = end;
    add(start, end, Text(body_.substr(start, end_of_sql - start)), false);
  }

  // A constant is one text, or several with || between them.
  void read_execute() {
    const std::size_t start = token_.offset;
    Text sql;
    bool constant = true;
    advance();
    for (bool wants_text = true; !closes_text(token_); wants_text = !wants_text) {
      constant = constant && (wants_text ? take_text(sql) : take_concatenation());
      if (!constant) break;
    }
    const std::size_t end = skip_statement();
    add(start, end, constant ? std::move(sql) : Text(), true);
  }

  bool take_text(Text& sql) {
    if (token_.kind != TokenKind::kString && token_.kind != TokenKind::kDollar) return false;
    sql.append(string_value(token_.text));
    advance();
    return true;
  }

  bool take_concatenation() {
    if (body_.substr(token_.offset, 2) != "||") return false;
    advance();
    advance();
    return true;
  }

  std::string_view body_;
  Token token_;
  Vector<EmbeddedStatement> found_;
};

}  // namespace

Vector<EmbeddedStatement> find_embedded(std::string_view body) { return Reader(body).read(); }

}  // namespace db_guard::core
