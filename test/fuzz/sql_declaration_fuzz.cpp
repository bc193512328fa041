// The places in declarations on any bytes: they stay inside the text and behind where they start,
// and what is said to be a long name is one.
#include <cstdint>
#include <cstdlib>

#include "core/sql_declaration.hpp"

using namespace db_guard;

namespace {

constexpr std::size_t kNone = std::string_view::npos;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_places(std::string_view sql, std::size_t at) {
  const std::size_t type = core::end_of_type(sql, at);
  require(type >= at && type <= sql.size());
  const std::size_t identity = core::end_of_identity(sql, at);
  require(identity >= at && identity <= sql.size());
  const std::size_t part = core::last_part_of_name(sql, at);
  require(part == kNone || (part >= at && part < sql.size()));
  const std::size_t elements = core::end_of_elements(sql, at);
  require(elements == kNone || (elements > at && elements < sql.size()));
}

void check_edits(std::string_view sql, std::size_t at) {
  const std::size_t end = core::end_of_type(sql, at);
  const core::Text text = core::edited(sql, {{at, end, core::Text("X")}});
  require(text.size() == sql.size() - (end - at) + 1);
  require(text.substr(0, at) == sql.substr(0, at) && text.substr(at + 1) == sql.substr(end));
}

void check_names(std::string_view sql) {
  for (const core::Text& name : core::names_longer_than(sql, 8)) {
    require(name.size() > 8 && sql.find(name) != kNone);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  for (std::size_t at = 0; at <= size && at < 64; at++) {
    check_places(sql, at);
    check_edits(sql, at);
  }
  check_names(sql);
  const core::Edit word = core::without_word(sql, "unlogged");
  require(word.from <= word.to && word.to <= size);
  return 0;
}
