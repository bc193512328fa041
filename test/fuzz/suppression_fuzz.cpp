// Comments, tokens and bodies of any bytes: tokens stand in order and leave only blanks between
// them, a suppression has a line of the script and clean rules, what is found in a body stands in
// it, and a text without layout has none to lose.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/plpgsql_text.hpp"
#include "core/sql_tokens.hpp"
#include "core/suppression.hpp"

using namespace db_guard;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::string_view kBlanks = " \t\n\r\f\v";

void check_tokens(std::string_view sql) {
  std::size_t end = 0;
  for (core::Token token = core::next_token(sql, 0); token.kind != core::TokenKind::kEnd;
       token = core::next_token(sql, token.end())) {
    require(token.offset >= end && !token.text.empty() && token.end() <= sql.size());
    const auto gap = sql.substr(end, token.offset - end);
    require(gap.find_first_not_of(kBlanks) == std::string_view::npos);
    if (token.kind == core::TokenKind::kString || token.kind == core::TokenKind::kDollar) {
      require(core::string_value(token.text).size() < token.text.size());
    }
    end = token.end();
  }
}

void check_suppressions(std::string_view script) {
  const int lines = 1 + int(std::count(script.begin(), script.end(), '\n'));
  int line = 1;
  for (const core::Suppression& found : core::find_suppressions(script)) {
    require(found.first_line >= line && found.last_line >= found.first_line);
    require(found.last_line <= lines);
    for (const core::Text& rule : found.rules) {
      require(!rule.empty() && rule.find_first_of(" \n,") == core::Text::npos);
    }
    line = found.first_line;
  }
}

void check_body(std::string_view body) {
  std::size_t end = 0;
  for (const core::EmbeddedStatement& found : core::find_embedded(body)) {
    require(found.offset >= end && found.offset + found.length <= body.size());
    require(found.executed || body.substr(found.offset, found.length) == found.sql);
    end = found.offset + found.length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_tokens(text);
  check_suppressions(text);
  core::Text comment("-- db_guard:");
  check_suppressions(comment.append(text));
  check_body(text);
  core::Text body("begin execute ");
  check_body(body.append(text));
  const core::Text once = core::without_layout(text);
  require(core::without_layout(once) == once);
  return 0;
}
