// A function a format, and what they share. Pure.
#pragma once

#include "lint/report.hpp"

namespace db_guard::lint {

Text write_text(const Vector<ReportedFinding>& findings);    // report_text.cpp
Text write_github(const Vector<ReportedFinding>& findings);  // report_text.cpp
Text write_json(const Vector<ReportedFinding>& findings);    // report_json.cpp
Text write_gitlab(const Vector<ReportedFinding>& findings);  // report_json.cpp
Text write_sarif(const Vector<ReportedFinding>& findings,    // report_sarif.cpp
                 const Vector<ReportedRule>& rules, std::string_view version);

// Detail and safe steps, a line each.
Text explanation(const ReportedFinding& finding);

// JSON with indentation. Members and items are told one after the other.
class JsonWriter {
 public:
  void open(char bracket);
  void open(std::string_view key, char bracket);
  void close(char bracket);
  void member(std::string_view key, std::string_view value);
  void member(std::string_view key, std::int64_t value);
  void item(std::string_view value);
  [[nodiscard]] Text take() { return std::move(text_).append("\n"); }

 private:
  void begin_item();
  void begin_member(std::string_view key);

  Text text_;
  int depth_ = 0;
  bool first_ = true;  // of the innermost bracket
};

}  // namespace db_guard::lint
