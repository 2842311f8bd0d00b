#include "store/sql/clean_text.h"

#include <gtest/gtest.h>

namespace mig_runner::store {
namespace {

TEST(CleanText, LeavesUtf8AsItIs) {
  for (const std::string text :
       {"", "plain\n\t\x7f", "\u00e4\u0080\u07ff", "\u0800\uD7FF\ue000\uffff", "\U00010000\U0010ffff"})
    EXPECT_EQ(clean_text(text), text);
}

TEST(CleanText, ReplacesEachByteThatIsNot) {
  const std::string mark = "\uFFFD";
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3)), "a" + mark + "b");
  EXPECT_EQ(clean_text("\x80x"), mark + "x");
  EXPECT_EQ(clean_text("\xc1\x81"), mark + mark);                        // overlong
  EXPECT_EQ(clean_text("\xe0\x9f\x80"), mark + mark + mark);             // overlong
  EXPECT_EQ(clean_text("\xf0\x8f\x80\x80"), mark + mark + mark + mark);  // overlong
  EXPECT_EQ(clean_text("\xed\xa0\x80"), mark + mark + mark);             // surrogate
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // beyond U+10FFFF
  EXPECT_EQ(clean_text("\xf5\x80\x80\x80"), mark + mark + mark + mark);  // beyond U+10FFFF
  EXPECT_EQ(clean_text("\xe2\x82"), mark + mark);                        // cut off
  EXPECT_EQ(clean_text("\xf0\x9f\x9a"), mark + mark + mark);             // cut off
  EXPECT_EQ(clean_text("\xe2\x82\xac\xe2"), "\u20ac" + mark);
}

}  // namespace
}  // namespace mig_runner::store
