#include "core/text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "readable.hpp"

namespace db_guard::core {
namespace {

// What the manual of pg_size_pretty says, in exact arithmetic: the smallest unit in which the
// value, rounded half up, has no more than four digits up to 10239.
std::string as_the_server(std::uint64_t bytes) {
  if (bytes < 10240) return std::to_string(bytes) + " bytes";
  std::uint64_t divisor = 1024;
  for (const char* unit : {"kB", "MB", "GB", "TB"}) {
    const std::uint64_t rounded = bytes / divisor + (bytes % divisor >= divisor / 2 ? 1 : 0);
    if (rounded < 10240) return std::to_string(rounded) + " " + unit;
    divisor *= 1024;
  }
  const std::uint64_t rounded = bytes / divisor + (bytes % divisor >= divisor / 2 ? 1 : 0);
  return std::to_string(rounded) + " PB";
}

// From the server's manual and its regression tests.
TEST(PrettyBytes, PrintsWhatTheServerDocuments) {
  EXPECT_EQ(readable(pretty_bytes(0)), "0 bytes");
  EXPECT_EQ(readable(pretty_bytes(10)), "10 bytes");
  EXPECT_EQ(readable(pretty_bytes(8192)), "8192 bytes");
  EXPECT_EQ(readable(pretty_bytes(10239)), "10239 bytes");
  EXPECT_EQ(readable(pretty_bytes(10240)), "10 kB");
  EXPECT_EQ(readable(pretty_bytes(1000000)), "977 kB");
  EXPECT_EQ(readable(pretty_bytes(1000000000)), "954 MB");
  EXPECT_EQ(readable(pretty_bytes(1000000000000)), "931 GB");
  EXPECT_EQ(readable(pretty_bytes(1000000000000000)), "909 TB");
  EXPECT_EQ(readable(pretty_bytes(10485247)), "10239 kB");
  EXPECT_EQ(readable(pretty_bytes(10485248)), "10 MB");
  EXPECT_EQ(readable(pretty_bytes(10736893951)), "10239 MB");
  EXPECT_EQ(readable(pretty_bytes(10736893952)), "10 GB");
  EXPECT_EQ(readable(pretty_bytes(10994579406847)), "10239 GB");
  EXPECT_EQ(readable(pretty_bytes(10994579406848)), "10 TB");
  EXPECT_EQ(readable(pretty_bytes(11258449312612351)), "10239 TB");
  EXPECT_EQ(readable(pretty_bytes(11258449312612352)), "10 PB");
}

TEST(PrettyBytes, AgreesWithTheServerAroundEveryLimit) {
  for (int bit = 0; bit < 49; bit++) {
    const std::uint64_t power = std::uint64_t(1) << bit;
    for (const std::uint64_t times : {1U, 3U, 10U, 10239U, 20479U}) {
      for (std::int64_t offset = -513; offset <= 513; offset += 27) {
        const std::uint64_t bytes = power * times / 2 + std::uint64_t(offset);
        ASSERT_EQ(readable(pretty_bytes(bytes)), as_the_server(bytes)) << bytes;
      }
    }
  }
}

TEST(PrettyBytes, HasNothingAbovePetabytes) {
  EXPECT_EQ(readable(pretty_bytes(std::numeric_limits<std::uint64_t>::max())), "16384 PB");
}

TEST(PrettyRows, SaysWhatIsUnknown) {
  EXPECT_EQ(readable(pretty_rows(-1)), "an unknown number of rows");
  EXPECT_EQ(readable(pretty_rows(0)), "no rows");
}

TEST(PrettyRows, CountsInTheUnitThatFits) {
  EXPECT_EQ(readable(pretty_rows(1)), "about 1 row");
  EXPECT_EQ(readable(pretty_rows(2)), "about 2 rows");
  EXPECT_EQ(readable(pretty_rows(9999)), "about 9999 rows");
  EXPECT_EQ(readable(pretty_rows(10000)), "about 10 thousand rows");
  EXPECT_EQ(readable(pretty_rows(456789)), "about 457 thousand rows");
  EXPECT_EQ(readable(pretty_rows(1234567)), "about 1.2 million rows");
  EXPECT_EQ(readable(pretty_rows(210e6)), "about 210 million rows");
  EXPECT_EQ(readable(pretty_rows(4.25e9)), "about 4.2 billion rows");
}

TEST(PrettyRows, RoundsIntoTheNextUnit) {
  EXPECT_EQ(readable(pretty_rows(9999.6)), "about 10 thousand rows");
  EXPECT_EQ(readable(pretty_rows(999499)), "about 999 thousand rows");
  EXPECT_EQ(readable(pretty_rows(999700)), "about 1.0 million rows");
  EXPECT_EQ(readable(pretty_rows(9.949e6)), "about 9.9 million rows");
  EXPECT_EQ(readable(pretty_rows(9.97e6)), "about 10 million rows");
  EXPECT_EQ(readable(pretty_rows(999.4e6)), "about 999 million rows");
  EXPECT_EQ(readable(pretty_rows(999.7e6)), "about 1.0 billion rows");
}

TEST(PrettyDuration, KeepsTwoDigitsOrMoreOfEachUnit) {
  EXPECT_EQ(readable(pretty_duration(0)), "0 ms");
  EXPECT_EQ(readable(pretty_duration(999)), "999 ms");
  EXPECT_EQ(readable(pretty_duration(1000)), "1 s");
  EXPECT_EQ(readable(pretty_duration(119'999)), "119 s");
  EXPECT_EQ(readable(pretty_duration(120'000)), "2 min");
  EXPECT_EQ(readable(pretty_duration(7'199'999)), "119 min");
  EXPECT_EQ(readable(pretty_duration(7'200'000)), "2 h");
  EXPECT_EQ(readable(pretty_duration(172'799'999)), "47 h");
  EXPECT_EQ(readable(pretty_duration(172'800'000)), "2 days");
}

TEST(ListOf, ShowsAsManyAsWanted) {
  const Vector<Text> items = {Text("a"), Text("b"), Text("c")};
  EXPECT_EQ(readable(list_of({}, 3)), "");
  EXPECT_EQ(readable(list_of({Text("a")}, 3)), "a");
  EXPECT_EQ(readable(list_of(items, 3)), "a, b, c");
  EXPECT_EQ(readable(list_of(items, 2)), "a, b and 1 more");
  EXPECT_EQ(readable(list_of(items, 1)), "a and 2 more");
}

TEST(Counted, ChoosesTheNoun) {
  EXPECT_EQ(readable(counted(0, "index", "indexes")), "0 indexes");
  EXPECT_EQ(readable(counted(1, "index", "indexes")), "1 index");
  EXPECT_EQ(readable(counted(12, "index", "indexes")), "12 indexes");
}

TEST(Number, PrintsTheWholeRange) {
  EXPECT_EQ(readable(number(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(readable(number(std::numeric_limits<std::int64_t>::max())), "9223372036854775807");
}

TEST(Concat, JoinsAndKeepsZeroBytes) {
  EXPECT_EQ(readable(concat({})), "");
  EXPECT_EQ(readable(concat({"a", "", "bc"})), "abc");
  EXPECT_EQ(concat({std::string_view("a\0b", 3), "c"}).size(), 4U);
}

TEST(Fill, ReplacesKnownNamesOnly) {
  EXPECT_EQ(readable(fill("DROP {kind} {name};", {{"kind", "TABLE"}, {"name", "t"}})),
            "DROP TABLE t;");
  EXPECT_EQ(readable(fill("{a}{a}", {{"a", "x"}})), "xx");
  EXPECT_EQ(readable(fill("{other} {a", {{"a", "x"}})), "{other} {a");
  EXPECT_EQ(readable(fill("'{}'::int[] {", {{"a", "x"}})), "'{}'::int[] {");
  EXPECT_EQ(readable(fill("", {{"a", "x"}})), "");
  EXPECT_EQ(readable(fill("{ab} {a}", {{"a", "x"}, {"ab", "y"}})), "y x");
}

TEST(Fill, DoesNotLookIntoWhatItInserted) {
  EXPECT_EQ(readable(fill("{a} {b}", {{"a", "{b}"}, {"b", "x"}})), "{b} x");
}

TEST(Closest, PutsTheNearestFirst) {
  EXPECT_EQ(readable(closest("drop-colum", {"drop-columns", "set-not-null", "drop-column"})),
            (Strings{"drop-column", "drop-columns"}));
}

TEST(Closest, FindsAtMostThree) {
  EXPECT_EQ(readable(closest("aaaa", {"aaab", "aabb", "aaac", "aaaa"})),
            (Strings{"aaaa", "aaab", "aaac"}));
}

TEST(Closest, DropsWhatDiffersInMoreThanHalf) {
  EXPECT_EQ(readable(closest("abcd", {"abyz"})), Strings{"abyz"});
  EXPECT_EQ(readable(closest("abcd", {"axyz"})), Strings{});
  EXPECT_EQ(readable(closest("", {"a"})), Strings{});
  EXPECT_EQ(readable(closest("ab", {"abcd"})), Strings{"abcd"});
  EXPECT_EQ(readable(closest("ab", {"abcde"})), Strings{});
}

TEST(Closest, IsQuickForAHugeWord) {
  EXPECT_EQ(readable(closest(std::string(50'000'000, 'a'), {"drop-column"})), Strings{});
}

TEST(SplitList, TrimsAndLeavesOutTheEmpty) {
  EXPECT_EQ(readable(split_list("")), Strings{});
  EXPECT_EQ(readable(split_list(" ,\t,\n")), Strings{});
  EXPECT_EQ(readable(split_list("all")), Strings{"all"});
  EXPECT_EQ(readable(split_list(" drop-column ,,\trename-table\r\n,")),
            (Strings{"drop-column", "rename-table"}));
  EXPECT_EQ(readable(split_list("a b,c")), (Strings{"a b", "c"}));
}

}  // namespace
}  // namespace db_guard::core
