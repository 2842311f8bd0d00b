#include "base/time.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

namespace mig_runner {
namespace {

using std::chrono::nanoseconds;

Timestamp at(std::int64_t millis) {
  return Timestamp(std::chrono::milliseconds(millis));
}

TEST(FormatUtc, WritesAFractionOnlyWhereThereIsOne) {
  EXPECT_EQ(format_utc(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(at(1795420800000)), "2026-11-23T08:00:00Z");
  EXPECT_EQ(format_utc(at(1795420800250)), "2026-11-23T08:00:00.25Z");
  EXPECT_EQ(format_utc(at(1795420800007)), "2026-11-23T08:00:00.007Z");
  EXPECT_EQ(format_utc(at(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc(at(-62167219200000)), "0000-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(at(253402300799999)), "9999-12-31T23:59:59.999Z");
}

TEST(ParseRfc3339, ReadsOffsetsAndFractions) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-23T08:00:00Z", 1795420800000},
      {"2026-11-23t08:00:00z", 1795420800000},
      {"2026-11-23T09:00:00+01:00", 1795420800000},
      {"2026-11-23T02:30:00-05:30", 1795420800000},
      {"2026-11-23T08:00:00.1Z", 1795420800100},
      {"2026-11-23T08:00:00.123456789012Z", 1795420800123},
      {"2026-11-23T09:00:00.9999+01:00", 1795420800999},
      {"1969-12-31T23:59:59.9999Z", -1},
      {"2024-02-29T00:00:00Z", 1709164800000},
  };
  for (const auto& [text, millis] : cases) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text << ": " << time.error().text();
    EXPECT_EQ(*time, at(millis)) << text;
  }
}

TEST(ParseRfc3339, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "2026-11-23",
                           "2026-11-23T08:00:00",
                           "2026-11-23 08:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:60Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00,5Z",
                           "2026-01-01T00:00:00+0100",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00+01:60",
                           "2026-01-01T00:00:00Zx",
                           "26-01-01T00:00:00Z",
                           "2026-1-01T00:00:00Z",
                           "+2026-01-01T00:00:00Z",
                           "2026-01-01T00:00:00",
                           "2026-01-01T-1:00:00Z"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_FALSE(time) << text;
    EXPECT_NE(time.error().what.find("2026-11-23T08:00:00Z"), std::string::npos) << "says what would be right";
  }
}

TEST(ParseRfc3339, ReadsBackWhatFormatUtcWrites) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> any(-62167219200000, 253402300799999);
  for (int i = 0; i < 20'000; ++i) {
    const auto time = at(any(random));
    EXPECT_EQ(parse_rfc3339(format_utc(time)).value(), time);
  }
}

TEST(GoDuration, AgreesWithEveryVector) {
  std::ifstream file(MIG_TEST_DATA "/vectors/duration.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 40U);
  for (const auto& entry : cases) {
    const auto text = entry.at("in").get<std::string>();
    const auto duration = parse_go_duration(text);
    if (entry.at("ns").is_null()) {
      EXPECT_FALSE(duration) << text;
    } else {
      ASSERT_TRUE(duration) << duration.error().text();
      EXPECT_EQ(duration->count(), entry.at("ns").get<std::int64_t>()) << text;
    }
  }
}

TEST(GoDuration, ReachesBothEndsOfItsRange) {
  EXPECT_EQ(parse_go_duration("-9223372036854775808ns").value(), nanoseconds::min());
  EXPECT_FALSE(parse_go_duration("-9223372036854775809ns"));
  EXPECT_FALSE(parse_go_duration("9223372036854775808ns9223372036854775808ns")) << "2^64 in all";
  EXPECT_FALSE(parse_go_duration("99999999999999999999s"));
  EXPECT_EQ(parse_go_duration("0.3333333333333333333h").value(), std::chrono::minutes{20});
  EXPECT_EQ(parse_go_duration("0.9223372036854775808s").value().count(), 922'337'203);
}

TEST(GoDuration, SaysWhatIsWrong) {
  EXPECT_EQ(parse_go_duration("5").error().what,
            "\"5\" is not a duration: a unit (ns, us, ms, s, m, h) has to follow each number, as in 90s");
  EXPECT_EQ(parse_go_duration("1d").error().what,
            "\"1d\" is not a duration: \"d\" is not one of the units ns, us, ms, s, m, h");
  EXPECT_EQ(parse_go_duration("").error().what, "\"\" is not a duration: it has to be like 5m or 1h30m");
  EXPECT_EQ(parse_go_duration("h").error().what, "\"h\" is not a duration: a number has to stand before each unit");
  EXPECT_EQ(parse_go_duration("3000000h").error().what, "\"3000000h\" is not a duration: it is longer than 292 years");
}

TEST(GoDuration, IsWrittenAsGoWritesIt) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0s"},
      {1, "1ns"},
      {1'100, "1.1µs"},
      {2'200'000, "2.2ms"},
      {3'300'000'000, "3.3s"},
      {60'000'000'000, "1m0s"},
      {300'000'000'000, "5m0s"},
      {305'000'000'000, "5m5s"},
      {305'001'000'000, "5m5.001s"},
      {3'600'000'000'000, "1h0m0s"},
      {5'400'000'000'000, "1h30m0s"},
      {18'305'001'000'000, "5h5m5.001s"},
      {-1, "-1ns"},
      {-5'400'000'000'000, "-1h30m0s"},
      {std::numeric_limits<std::int64_t>::max(), "2562047h47m16.854775807s"},
      {std::numeric_limits<std::int64_t>::min(), "-2562047h47m16.854775808s"},
  };
  for (const auto& [count, text] : cases) {
    EXPECT_EQ(format_go_duration(nanoseconds(count)), text);
    EXPECT_EQ(parse_go_duration(text).value(), nanoseconds(count));
  }
}

}  // namespace
}  // namespace mig_runner
