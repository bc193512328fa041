// Whatever is in a finding, its JSON parses, and so do the reports on it: checked by a strict
// reader of RFC 8259.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/json.hpp"
#include "lint/report.hpp"

using namespace db_guard;

namespace {

class Reader {
 public:
  explicit Reader(std::string_view json) : json_(json) {}

  bool reads_all() { return value() && blanks() && at_ == json_.size(); }

 private:
  bool value() {
    blanks();
    switch (peek()) {
      case '{':
        return sequence('{', '}', [&] { return string() && take(':') && value(); });
      case '[':
        return sequence('[', ']', [&] { return value(); });
      case '"':
        return string();
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  template <class Item>
  bool sequence(char open, char close, Item&& item) {
    if (!take(open)) return false;
    if (take(close)) return true;
    do {
      if (!item()) return false;
    } while (take(','));
    return take(close);
  }

  bool string() {
    if (!take('"')) return false;
    while (at_ < json_.size()) {
      const char c = json_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() {
    const char c = next();
    if (c != 'u') return c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr;
    for (int i = 0; i < 4; i++) {
      const char digit = next();
      if (digit == '\0' || std::strchr("0123456789abcdefABCDEF", digit) == nullptr) return false;
    }
    return true;
  }

  bool number() {
    skip('-');
    if (skip('0')) return fraction();
    return digits() && fraction();
  }
  bool fraction() {
    if (skip('.') && !digits()) return false;
    if (!skip('e') && !skip('E')) return true;
    if (!skip('+')) skip('-');
    return digits();
  }
  bool digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') at_++;
    return at_ > start;
  }

  bool word(std::string_view text) {
    if (json_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  bool take(char c) { return blanks() && skip(c) && blanks(); }
  bool skip(char c) {
    if (peek() != c) return false;
    at_++;
    return true;
  }
  bool blanks() {
    while (peek() == ' ' || peek() == '\n') at_++;
    return true;
  }
  [[nodiscard]] char peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  char next() { return at_ < json_.size() ? json_[at_++] : '\0'; }

  std::string_view json_;
  std::size_t at_ = 0;
};

core::Finding finding_of(std::string_view bytes) {
  core::Finding finding;
  finding.rule = bytes.substr(0, bytes.size() / 2);
  finding.object = bytes;
  finding.message = bytes.substr(bytes.size() / 2);
  finding.evidence.push_back({bytes.substr(0, 3), core::Text(bytes), 0, false});
  double number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof(number)));
  finding.evidence.push_back({"number", {}, number, true});
  return finding;
}

lint::ReportedFinding reported(std::string_view bytes) {
  lint::ReportedFinding finding;
  finding.file = bytes.substr(0, bytes.size() / 3);
  finding.rule = bytes.substr(0, 2);
  finding.object = finding.message = finding.detail = bytes;
  finding.safe_sql = {core::Text(bytes), core::Text()};
  finding.text = bytes;
  finding.line = int(bytes.size());
  finding.severity = core::Severity(bytes.size() % 3);
  return finding;
}

void check_reports(std::string_view bytes) {
  const core::Vector<lint::ReportedFinding> findings = {reported(bytes), reported(bytes)};
  const core::Vector<lint::ReportedRule> rules = {
      {bytes.substr(0, 2), core::Severity::kWarn, bytes, bytes, bytes.substr(0, 1)}};
  for (const auto format :
       {lint::ReportFormat::kJson, lint::ReportFormat::kSarif, lint::ReportFormat::kGitlab}) {
    if (!Reader(lint::write_report(format, findings, rules, bytes)).reads_all()) std::abort();
  }
  // Two findings, two commands, whatever line breaks are in them.
  const core::Text github = lint::write_report(lint::ReportFormat::kGithub, findings, rules, bytes);
  if (std::count(github.begin(), github.end(), '\n') != 2) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const core::Finding finding = finding_of(bytes);
  // Longer ones say nothing new, and take long.
  if (bytes.size() <= 32) check_reports(bytes);
  // The reader itself refuses what is cut off.
  core::Text cut = core::findings_json({finding});
  cut.pop_back();
  if (Reader(cut).reads_all()) std::abort();
  if (!Reader(core::findings_json({finding, finding})).reads_all()) std::abort();
  return 0;
}
