#include "core/json.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "readable.hpp"

namespace db_guard::core {
namespace {

std::string string_json(std::string_view text) {
  Text json;
  append_json_string(json, text);
  return readable(json);
}

std::string number_json(double number) {
  Text json;
  append_json_number(json, number);
  return readable(json);
}

TEST(JsonString, EscapesWhatJsonMustEscape) {
  EXPECT_EQ(string_json(""), R"("")");
  EXPECT_EQ(string_json("plain"), R"("plain")");
  EXPECT_EQ(string_json(R"(say "hi" \o/)"), R"("say \"hi\" \\o/")");
  EXPECT_EQ(string_json("a\nb\tc"), R"("a\nb\tc")");
}

TEST(JsonString, EscapesEveryControlCharacter) {
  EXPECT_EQ(string_json(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(string_json("\x01\x1f\r\f\b\x1b"), R"("\u0001\u001f\u000d\u000c\u0008\u001b")");
  for (char c = 1; c < 0x20; c++) EXPECT_GT(string_json({&c, 1}).size(), 3U) << int(c);
}

TEST(JsonString, LeavesOtherBytesAlone) {
  EXPECT_EQ(string_json("größe 注文 \x7f"), "\"größe 注文 \x7f\"");
  EXPECT_EQ(string_json("\xe4\xff"), "\"\xe4\xff\"");
}

TEST(JsonNumber, IsANumber) {
  EXPECT_EQ(number_json(0), "0");
  EXPECT_EQ(number_json(-1), "-1");
  EXPECT_EQ(number_json(44023414784), "44023414784");
  EXPECT_EQ(number_json(9007199254740991), "9.00719925474099e+15");
  EXPECT_EQ(number_json(0.5), "0.5");
  EXPECT_EQ(number_json(1e300), "1e+300");
}

TEST(JsonNumber, IsNullWhereJsonHasNoNumber) {
  EXPECT_EQ(number_json(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number_json(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number_json(std::numeric_limits<double>::quiet_NaN()), "null");
}

Finding finding() {
  Finding result;
  result.rule = "drop-column";
  result.severity = Severity::kWarn;
  result.object = "public.\"Orders\"";
  result.message = "gone";
  return result;
}

TEST(FindingsJson, IsAnArrayOfObjects) {
  EXPECT_EQ(readable(findings_json({})), "[]");
  EXPECT_EQ(readable(findings_json({finding()})),
            R"([{"rule": "drop-column", "severity": "warn", "object": "public.\"Orders\"", )"
            R"("message": "gone"}])");
}

TEST(FindingsJson, HasTheEvidenceInOrder) {
  Finding block = finding();
  block.severity = Severity::kBlock;
  block.evidence.push_back({"lock", Text("ShareLock"), 0, false});
  block.evidence.push_back({"bytes", {}, 8192, true});
  Finding note = finding();
  note.severity = Severity::kNote;
  EXPECT_EQ(readable(findings_json({block, note})),
            R"([{"rule": "drop-column", "severity": "block", "object": "public.\"Orders\"", )"
            R"("message": "gone", "lock": "ShareLock", "bytes": 8192}, )"
            R"({"rule": "drop-column", "severity": "note", "object": "public.\"Orders\"", )"
            R"("message": "gone"}])");
}

TEST(FindingsJson, HasTheSafeWayStepByStep) {
  Finding way = finding();
  way.safe_sql.emplace_back("-- then:\nDROP \"x\";");
  way.safe_sql.emplace_back("RESET lock_timeout;");
  EXPECT_EQ(readable(findings_json({way})),
            R"([{"rule": "drop-column", "severity": "warn", "object": "public.\"Orders\"", )"
            R"("message": "gone", "safe_sql": ["-- then:\nDROP \"x\";", "RESET lock_timeout;"]}])");
}

}  // namespace
}  // namespace db_guard::core
