#include "api/text.h"

#include <gtest/gtest.h>

namespace mig_runner::api {
namespace {

TEST(Excerpt, IsShortAndPrintable) {
  EXPECT_EQ(excerpt("plain text"), "plain text");
  EXPECT_EQ(excerpt("\x1b[31m\r\n\t\x7f"), "\\x1b[31m\\x0d\\n\\t\\x7f");
  EXPECT_EQ(excerpt("\xc2\x9b\xff"), "\\u009b\uFFFD");  // a terminal may take U+009B for an escape
  EXPECT_EQ(excerpt(std::string(300, 'x')), std::string(300, 'x'));
  EXPECT_EQ(excerpt(std::string(301, 'x')), std::string(300, 'x') + "..");
}

TEST(ShownUrl, HasNoQueryAndNoPassword) {
  EXPECT_EQ(shown_url("https://api.example.net/api/v1/search?type=action&x=1"),
            "https://api.example.net/api/v1/search");
  EXPECT_EQ(shown_url("https://user:pass@api.example.net/api/"), "https://api.example.net/api/");
  EXPECT_EQ(shown_url("https://user:p@ss@api.example.net"), "https://api.example.net");
  EXPECT_EQ(shown_url("http://api.example.net/@home"), "http://api.example.net/@home");
  EXPECT_EQ(shown_url("http://[::1]:1664/#part"), "http://[::1]:1664/");
  EXPECT_EQ(shown_url("nonsense"), "nonsense");
  EXPECT_EQ(shown_url(""), "");
}

}  // namespace
}  // namespace mig_runner::api
