#include "base/utf8.h"

#include <gtest/gtest.h>

namespace mig_runner {
namespace {

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("one\ntwo\tthree\x1b[31m\x7f\r"), "one\\ntwo\\tthree\\x1b[31m\\x7f\\x0d");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\u0080\u009b31m\u009f\u00a0"), "\\u0080\\u009b31m\\u009f\u00a0");
  EXPECT_EQ(printable("\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028"),
            "\\u202a\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c\\u2028");
}

TEST(Printable, ReplacesInvalidBytes) {
  EXPECT_EQ(printable("a\x9b"
                      "b\xc3"),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");
}

TEST(Printable, LeavesTextAlone) {
  const std::string text = "disk@08:00: Zürich 日本 \U0001F600 \u200b\u2026 \\n";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable_json(text), text);
}

TEST(Printable, KeepsTheMeaningOfJson) {
  EXPECT_EQ(printable_json("{\n  \"a\": \"\x7f\u009b\u202e\\u001b\"\n}"),
            "{\n  \"a\": \"\\u007f\\u009b\\u202e\\u001b\"\n}");
  EXPECT_EQ(printable_json("\"\x9b\""), "\"\uFFFD\"");
}

}  // namespace
}  // namespace mig_runner
