#include "cron/tzif.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "cron/local_clock.h"
#include "cron/posix_tz.h"
#include "cron/schedule.h"
#include "support/scratch_directory.h"

namespace mig_runner::cron {
namespace {

constexpr Seconds kApril2026 = 1775001600;  // 2026-04-01T00:00:00Z
constexpr Seconds kHour = 3600;

void put(std::string& bytes, std::uint64_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
}

std::string header(char version, std::uint64_t leaps, std::uint64_t times, std::uint64_t types,
                   std::uint64_t characters) {
  std::string bytes = std::string("TZif") + version + std::string(15, '\0');
  for (auto count : {std::uint64_t{0}, std::uint64_t{0}, leaps, times, types, characters}) put(bytes, count, 4);
  return bytes;
}

// A file of clocks that show `first` and then what the changes say, abbreviations aside.
std::string zone_file(std::int32_t first, const std::vector<std::pair<Seconds, std::int32_t>>& changes,
                      const std::string& rule) {
  std::string bytes =
      header('2', 0, 0, 1, 4) + std::string(6 + 4, '\0') + header('2', 0, changes.size(), changes.size() + 1, 4);
  for (const auto& [at, offset] : changes) put(bytes, static_cast<std::uint64_t>(at), 8);
  for (std::size_t i = 0; i < changes.size(); ++i) put(bytes, i + 1, 1);
  const auto put_type = [&bytes](std::int32_t offset) {
    put(bytes, static_cast<std::uint32_t>(offset), 4);
    put(bytes, 0, 2);
  };
  put_type(first);
  for (const auto& [at, offset] : changes) put_type(offset);
  return bytes + std::string("ABC\0", 4) + "\n" + rule + "\n";
}

std::int32_t offset_at(const Zone::Rules& rules, Seconds time) {
  return rules.periods[rules.period_at(time)].type.offset;
}

std::string error_of(const std::string& bytes) {
  const auto rules = read_tzif("X", bytes);
  return rules ? "none" : rules.error().what;
}

TEST(Tzif, CarriesTheRuleOnFromTheLastChangeOnly) {
  // The last change comes after the rule's spring change of the same year, which must not be made up.
  const auto rules = read_tzif("X", zone_file(0, {{kApril2026, 7200}}, "ABC-2ABD,M3.5.0,M10.5.0/3"));
  ASSERT_TRUE(rules) << rules.error().what;
  EXPECT_EQ(offset_at(*rules, kApril2026 - 1), 0);
  EXPECT_EQ(offset_at(*rules, kApril2026 - 2 * 24 * kHour), 0) << "the rule's change of March 2026 does not count";
  EXPECT_EQ(offset_at(*rules, kApril2026), 7200);
  EXPECT_EQ(offset_at(*rules, kApril2026 + 365 * 24 * kHour), 3 * 3600);
}

TEST(Tzif, KeepsTheLastOffsetWithoutARule) {
  const auto rules = read_tzif("X", zone_file(0, {{kApril2026, 3600}}, ""));
  ASSERT_TRUE(rules) << rules.error().what;
  EXPECT_EQ(offset_at(*rules, 4102444800), 3600);
}

TEST(Tzif, RefusesEveryShorterFile) {
  const auto whole = zone_file(0, {{kApril2026, 3600}, {kApril2026 + kHour, 0}}, "ABC0");
  ASSERT_TRUE(read_tzif("X", whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_tzif("X", whole.substr(0, size))) << size;
}

TEST(Tzif, SurvivesDamage) {
  const auto whole = zone_file(0, {{kApril2026, 3600}, {kApril2026 + kHour, 0}}, "ABC0ABD,M3.5.0,M10.5.0");
  std::mt19937 random(3);
  std::uniform_int_distribution<std::size_t> any_place(0, whole.size() - 1);
  std::uniform_int_distribution<int> any_byte(0, 255);
  for (int i = 0; i < 20'000; ++i) {
    auto damaged = whole;
    for (int flips = i % 4; flips >= 0; --flips) damaged[any_place(random)] = static_cast<char>(any_byte(random));
    const auto rules = read_tzif("X", damaged);
    if (rules) {
      EXPECT_LT(rules->periods.size(), 10'000U);
    }
  }
}

TEST(Tzif, SaysWhatIsWrong) {
  EXPECT_EQ(error_of(""), "is not a time zone file (TZif)");
  EXPECT_EQ(error_of("root:x:0:0:root:/root:/bin/bash and more than forty-four characters"),
            "is not a time zone file (TZif)");
  EXPECT_EQ(error_of(header('\0', 0, 0, 1, 4) + std::string(10, '\0')),
            "is a time zone file of the old format, which ends in 2037: it has to be version 2");
  EXPECT_EQ(error_of(header('2', 0, 0, 1, 4) + std::string(10, '\0')), "is not a complete time zone file (TZif)");
  EXPECT_EQ(error_of(header('2', 0, 4'000'000'000, 4'000'000'000, 4)), "is not a complete time zone file (TZif)");
  EXPECT_EQ(error_of(zone_file(0, {{kApril2026, 3600}, {kApril2026, 0}}, "ABC0")),
            "is not a complete time zone file (TZif)")
      << "changes out of order";
  EXPECT_EQ(
      error_of(zone_file(0, {{kApril2026, 3600}}, "Hello")),
      "ends with a rule that makes no sense: \"Hello\" is not a time zone rule such as CET-1CEST,M3.5.0,M10.5.0/3");
}

TEST(Tzif, TimesOfDayFireOnceThroughSeveralChangesInOneDay) {
  // 12:00 becomes 09:00, and an hour later 10:00 becomes 11:00: 11:30 is reached twice, in different periods.
  const test::ScratchDirectory scratch;
  const auto file = scratch.path() / "zone";
  test::write_text(file,
                   zone_file(3 * 3600, {{kApril2026 + 9 * kHour, 0}, {kApril2026 + 10 * kHour, 3600}}, "<+01>-1"));
  const LocalClock clock(file.string());
  const auto zone = Zone::local();
  ASSERT_TRUE(zone) << zone.error().text();
  EXPECT_EQ(zone->name(), file.string());
  const auto daily = Schedule::parse("30 11 * * *").value();
  const auto next = [&](const char* after) {
    return format_utc(daily.next(parse_rfc3339(after).value(), *zone).value());
  };
  EXPECT_EQ(next("2026-04-01T00:00:00Z"), "2026-04-01T08:30:00Z");
  EXPECT_EQ(next("2026-04-01T08:30:00Z"), "2026-04-02T10:30:00Z");
  EXPECT_EQ(next("2026-04-01T09:30:00Z"), "2026-04-02T10:30:00Z");
  EXPECT_EQ(next("2026-04-01T10:10:00Z"), "2026-04-02T10:30:00Z");
  const auto interval = Schedule::parse("*/30 11 * * *").value();
  EXPECT_EQ(format_utc(interval.next(parse_rfc3339("2026-04-01T08:30:00Z").value(), *zone).value()),
            "2026-04-01T10:00:00Z");
}

TEST(PosixTz, AgreesWithTheCLibraryAboutEveryForm) {
  for (const char* rule : {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "NZST-12NZDT,M9.5.0,M4.1.0/3",
                           "IST-1GMT0,M10.5.0,M3.5.0/1", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "AAA3BBB,J60,J300",
                           "AAA3BBB,59,300/3:30:15", "AAA3:15:20BBB1,J59/0,J365/1", "<-03>3",
                           "EET-2EEST,M3.4.4/50,M10.4.4/50", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"}) {
    const auto zone = PosixTz::parse(rule);
    ASSERT_TRUE(zone) << zone.error().what;
    const Zone::Rules rules(rule, zone->standard, zone->changes(1969, kLastYear + 1));
    const LocalClock clock(rule);
    for (Seconds time = kApril2026; time < kApril2026 + 5 * 366 * 24 * kHour; time += 900) {
      const auto& type = rules.periods[rules.period_at(time)].type;
      ASSERT_EQ(type.offset, clock.at(time).tm_gmtoff) << rule << " at " << time;
      ASSERT_EQ(type.abbreviation, clock.at(time).tm_zone) << rule << " at " << time;
    }
  }
}

TEST(PosixTz, RefusesWhatIsNoRule) {
  for (const char* rule : {"",
                           "X",
                           "XX1",
                           "ABC",
                           "ABC25",
                           "ABC1:60",
                           "<ABC1",
                           "<>1",
                           "ABC1YY",
                           "ABC1ABD,M13.1.0,M1.1.0",
                           "ABC1ABD,M1.6.0,M1.1.0",
                           "ABC1ABD,M1.1.7,M1.1.0",
                           "ABC1ABD,J0,J1",
                           "ABC1ABD,366,1",
                           "ABC1ABD,M3.5.0",
                           "ABC1ABD,M3.5.0,",
                           "ABC1ABD,M3.5.0,M10.5.0x",
                           "ABC1ABD,M3.5.0/168,M10.5.0",
                           "ABC1ABD,M3.5.0/2:,M10.5.0",
                           "ABC1ABD2x",
                           "ABC1ABD",
                           "ABC99999999999",
                           "ABC1,M3.5.0,M10.5.0"}) {
    EXPECT_FALSE(PosixTz::parse(rule)) << rule;
  }
}

}  // namespace
}  // namespace mig_runner::cron
