#include "sandbox/base/times.h"

#include <gtest/gtest.h>

namespace mig_sandbox::test {
namespace {

TEST(Times, AreRoundedToTheMicrosecondAsPostgresqlDoes) {
  const auto through = [](const char* text) { return format_micros(parse_micros(text).value()); };
  EXPECT_EQ(through("2026-11-23T08:29:00.00235084Z"), "2026-11-23T08:29:00.002351Z");
  EXPECT_EQ(through("2026-11-23T08:40:29.727428Z"), "2026-11-23T08:40:29.727428Z");
  EXPECT_EQ(through("2026-11-23T08:40:29.9999996Z"), "2026-11-23T08:40:30Z");
  EXPECT_EQ(through("2026-11-23T08:40:29.50Z"), "2026-11-23T08:40:29.5Z");
  EXPECT_EQ(through("2026-11-23T10:40:00+02:00"), "2026-11-23T08:40:00Z");
  EXPECT_EQ(through("1969-12-31T23:59:59.25Z"), "1969-12-31T23:59:59.25Z");
  EXPECT_FALSE(parse_micros("yesterday"));
}

TEST(Times, KnowTheServersOwn) {
  EXPECT_EQ(format_micros(kNever), "9998-01-11T11:11:11Z");
  EXPECT_EQ(format_micros(kLongAgo), "0009-01-11T11:11:11Z");
  EXPECT_EQ(fixed_width(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_timestamp(to_micros(Timestamp(std::chrono::milliseconds(-1)))),
            Timestamp(std::chrono::milliseconds(-1)));
}

}  // namespace
}  // namespace mig_sandbox::test
