#include "base/nearest.h"

#include <gtest/gtest.h>

namespace mig_runner {
namespace {

TEST(Nearest, CountsChangedMissingAndAddedBytes) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
}

TEST(Nearest, IsTheOneThatWasMeant) {
  EXPECT_EQ(nearest_name("Lsit", {"launch", "list", "status"}), "list");
  EXPECT_EQ(nearest_name("wholly-different", {"launch", "list"}), "");
  EXPECT_EQ(nearest_name("ab", {"xy"}), "");
}

TEST(Nearest, IsTheFirstOfSeveralBelowTheLimit) {
  const auto size = [](const std::string& name) { return name.size(); };
  EXPECT_EQ(nearest({"ccc", "aa", "bb"}, size), "aa");
  EXPECT_EQ(nearest({"ccc", "aa"}, size, 2), "");
  EXPECT_EQ(nearest({}, size), "");
}

}  // namespace
}  // namespace mig_runner
