#include "core/json.hpp"
#include "core/text.hpp"
#include "lint/report_writers.hpp"

namespace db_guard::lint {

void JsonWriter::begin_item() {
  if (!first_) text_.push_back(',');
  if (depth_ > 0) text_.append("\n").append(std::size_t(depth_) * 2, ' ');
  first_ = false;
}

void JsonWriter::begin_member(std::string_view key) {
  begin_item();
  core::append_json_string(text_, key);
  text_.append(": ");
}

void JsonWriter::open(char bracket) {
  begin_item();
  text_.push_back(bracket);
  depth_++;
  first_ = true;
}

void JsonWriter::open(std::string_view key, char bracket) {
  begin_member(key);
  text_.push_back(bracket);
  depth_++;
  first_ = true;
}

void JsonWriter::close(char bracket) {
  depth_--;
  if (!first_) text_.append("\n").append(std::size_t(depth_) * 2, ' ');
  text_.push_back(bracket);
  first_ = false;
}

void JsonWriter::member(std::string_view key, std::string_view value) {
  begin_member(key);
  core::append_json_string(text_, value);
}

void JsonWriter::member(std::string_view key, std::int64_t value) {
  begin_member(key);
  text_.append(core::number(value));
}

void JsonWriter::item(std::string_view value) {
  begin_item();
  core::append_json_string(text_, value);
}

}  // namespace db_guard::lint
