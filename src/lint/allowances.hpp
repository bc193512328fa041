// Suppression comments against the findings of a text. Pure.
#pragma once

#include "core/suppression.hpp"
#include "lint/reported_finding.hpp"

namespace db_guard::lint {

// The comments of one text: a file, or the body of a DO in it. Findings come in, statement by
// statement, between begin_statement() and end_statement().
class Allowances {
 public:
  // `first_line`: of the text in its file.
  Allowances(std::string_view text, int first_line, Vector<ReportedFinding>& findings);

  void begin_statement() { first_finding_ = findings_.size(); }
  void end_statement(int line, std::string_view statement);

  // Empties the rule of every finding that a comment allows, and adds a finding for each comment
  // that does not count or allows nothing. A comment belongs to the statements it has a line in
  // common with, or else to the next one.
  void apply(std::string_view file, bool (*is_rule)(std::string_view));

 private:
  // A statement's lines, and its findings: those from `first_finding` to before `end_finding`.
  struct Stretch {
    int first_line;
    int last_line;
    std::size_t first_finding;
    std::size_t end_finding;
  };
  struct Part {
    std::size_t first;
    std::size_t end;
  };
  [[nodiscard]] Part stretches_of(const core::Suppression& comment) const;
  bool allow(std::string_view rule, Part part);

  Vector<ReportedFinding>& findings_;
  Vector<core::Suppression> comments_;
  Vector<Stretch> stretches_;
  std::size_t first_finding_ = 0;
};

// Takes out those whose rule is empty.
void drop_allowed(Vector<ReportedFinding>& findings);

}  // namespace db_guard::lint
