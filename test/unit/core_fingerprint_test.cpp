#include "core/fingerprint.hpp"

#include <gtest/gtest.h>

namespace db_guard::core {
namespace {

// They are kept in databases: a change here loses every baseline.
TEST(Fingerprint, StaysWhatItIs) {
  EXPECT_EQ(fingerprint_of({}), 0xcbf29ce484222325ULL);
  EXPECT_EQ(fingerprint_of({"drop-column", "public.t", "alter table t drop column a"}),
            0x4082676db4d99561ULL);
}

TEST(Fingerprint, TellsWhereATextEnds) {
  EXPECT_NE(fingerprint_of({"ab", "c"}), fingerprint_of({"a", "bc"}));
  EXPECT_NE(fingerprint_of({"ab"}), fingerprint_of({"ab", ""}));
  EXPECT_NE(fingerprint_of({"a", "b"}), fingerprint_of({"b", "a"}));
}

}  // namespace
}  // namespace db_guard::core
