#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>

#include "base/percent.h"

namespace mig_runner {
namespace {

using namespace std::string_view_literals;

TEST(Hex, HasTwoDigitsForEachByte) {
  EXPECT_EQ(hex("\x00\x09\x0a\x7f\x80\xff"sv), "00090a7f80ff");
  EXPECT_EQ(upper_hex("\x0a\xff"sv), "0AFF");
  EXPECT_EQ(hex(""sv), "");
  const std::array<std::uint8_t, 3> bytes{1, 0xAB, 0xC0};
  EXPECT_EQ(hex(bytes), "01abc0");
  EXPECT_EQ(upper_hex(bytes), "01ABC0");
}

TEST(Hex, IsOfDigitsOnly) {
  EXPECT_TRUE(is_hex("0123456789abcdefABCDEF"));
  EXPECT_TRUE(is_hex(""));
  EXPECT_FALSE(is_hex("0x1f"));
  EXPECT_FALSE(is_hex("fg"));
  EXPECT_FALSE(is_hex("f "));
}

TEST(Percent, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b&c=d+/?%"), "a%20b%26c%3Dd%2B%2F%3F%25");
  EXPECT_EQ(percent_encode("\x00\n\xc3\xa9"sv), "%00%0A%C3%A9");
}

}  // namespace
}  // namespace mig_runner
