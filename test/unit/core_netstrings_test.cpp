#include "core/netstrings.hpp"

#include <gtest/gtest.h>

namespace db_guard::core {
namespace {

TEST(Netstrings, KeepWhatIsBetweenThem) {
  for (const Vector<Text>& parts : {Vector<Text>{}, Vector<Text>{Text("")},
                                    Vector<Text>{Text("a:b"), Text(""), Text("3:x,\n")}}) {
    EXPECT_EQ(split_netstrings(join_netstrings(parts)), parts);
  }
}

TEST(Netstrings, RefuseWhatIsNone) {
  for (const char* text :
       {"a", ":", ":a", "1:", "2:a", "1a:b", "-1:a", "9999999999:a", "1:ab", "1:a "}) {
    EXPECT_EQ(split_netstrings(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace db_guard::core
