#include "base/whole_number.h"

#include <gtest/gtest.h>

#include <string>

namespace mig_runner {
namespace {

TEST(WholeNumber, IsReadHoweverItIsWritten) {
  for (const std::string text : {"29426359271548", "2.9426359271548e+13", "2.9426359271548E13", "29426359271548.0",
                                 "294263592715480e-1", "2.94263592715480000e+13", "29426359271548e0"})
    EXPECT_EQ(whole_number(text), 29426359271548) << text;
  EXPECT_EQ(whole_number("1e3"), 1000);
  EXPECT_EQ(whole_number("-1e3"), -1000);
  EXPECT_EQ(whole_number("0"), 0);
  EXPECT_EQ(whole_number("0.0e5"), 0);
  EXPECT_EQ(whole_number("9007199254740991"), 9007199254740991);
  EXPECT_EQ(whole_number("9.007199254740991e+15"), 9007199254740991);
}

TEST(WholeNumber, IsNeitherAFractionNorTooLarge) {
  for (const std::string text : {"",
                                 "-",
                                 "1.5",
                                 "1.5e0",
                                 "15e-1",
                                 "1e-1",
                                 "9007199254740992",
                                 "9.007199254740992e+15",
                                 "1e16",
                                 "1e400",
                                 "1e",
                                 "1e+",
                                 "1.e3",
                                 ".5e1",
                                 "01",
                                 "+1",
                                 "1 ",
                                 "1e99999999999",
                                 "0x10",
                                 "1e2e3",
                                 "1.2.3",
                                 "\"1\"",
                                 "null"})
    EXPECT_EQ(whole_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace mig_runner
