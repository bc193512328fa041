// What looks into SQL text, on any bytes: it stays inside the text, and cuts where it claims.
#include <cstdint>
#include <cstdlib>

#include "core/column_text.hpp"
#include "core/sql_text.hpp"

using namespace db_guard;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

// A name has no end before its start, and what is behind it does not change where it ends.
void check_name(std::string_view sql, std::size_t start) {
  const std::size_t end = core::end_of_name(sql, start);
  if (end == std::string_view::npos) return;
  require(end > start && end <= sql.size());
  require(core::end_of_name(sql.substr(0, end), start) == end);
  require(core::end_of_name(sql.substr(start), 0) == end - start);
}

void check_trimmed(std::string_view sql) {
  const std::string_view trimmed = core::trim_statement(sql);
  require(core::trim_statement(trimmed) == trimmed);
  if (trimmed.empty()) return;
  require(trimmed.data() >= sql.data());
  require(trimmed.data() + trimmed.size() <= sql.data() + sql.size());
  require(!is_blank(trimmed.front()) && !is_blank(trimmed.back()) && trimmed.back() != ';');
}

// The parts and the commas between them are the text.
void check_parts(std::string_view sql) {
  const char* before = sql.data();
  for (const std::string_view part : core::split_at_commas(sql)) {
    if (part.empty()) continue;
    require(part.data() >= before && part.data() + part.size() <= sql.data() + sql.size());
    before = part.data() + part.size();
  }
}

// Behind the end there are blanks and comments only.
void check_end(std::string_view sql) {
  const std::size_t end = core::end_of_code(sql);
  require(end <= sql.size() && core::end_of_code(sql.substr(0, end)) == end);
  require(core::skip_blanks(sql, end) == sql.size());
}

// Trimming again changes nothing, and a token replaced by itself neither.
void check_tokens(std::string_view sql) {
  const std::string_view trimmed = core::trim_comments(sql);
  require(core::trim_comments(trimmed) == trimmed);
  require(trimmed.empty() || core::skip_blanks(trimmed, 0) == 0);
  for (const std::string_view token : {"a", "VALUE", "(", "'"}) {
    require(core::replace_tokens(sql, token, token) == sql);
  }
}

// Put in its own place, a column leaves the text as it is.
void check_replaced(std::string_view sql) {
  const core::Text text = core::replace_column(sql, "a", "a");
  require(std::string_view(text) == sql);
  const core::Text referenced = core::replace_referenced_column(sql, "a", "a");
  require(std::string_view(referenced) == sql);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  for (std::size_t start = 0; start <= size && start < 64; start++) check_name(sql, start);
  check_trimmed(sql);
  check_parts(sql);
  check_end(sql);
  check_tokens(sql);
  check_replaced(sql);
  return 0;
}
