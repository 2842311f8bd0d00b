#include "cron/zone.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "cron/local_clock.h"
#include "cron/zone_names.h"
#include "cron/zone_rules.h"
#include "support/scratch_directory.h"

namespace mig_runner::cron {
namespace {

Timestamp utc(const char* text) {
  return parse_rfc3339(text).value();
}

// Sets TZ, or takes it away.
class TzVariable {
 public:
  explicit TzVariable(const char* value) : clock_("UTC") { value == nullptr ? unsetenv("TZ") : setenv("TZ", value, 1); }

 private:
  LocalClock clock_;
};

TEST(Zone, AgreesWithTheCLibraryAboutEveryZoneUpTo2099) {
  const auto names = zone_names(zone_directory());
  ASSERT_GT(names.size(), 400U);
  std::mt19937_64 random(7);
  std::uniform_int_distribution<Seconds> any_time(-2208988800, 4102444800);  // 1900 to 2100
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const auto zone = Zone::find(name);
    ASSERT_TRUE(zone) << zone.error().text();
    const auto& rules = zone->rules();
    const LocalClock clock(name);
    std::vector<Seconds> times;
    for (const auto& period : rules.periods) {
      if (period.begin < -2208988800 || period.begin >= 4102444800) continue;
      times.insert(times.end(), {period.begin - 1, period.begin});
    }
    for (int i = 0; i < 300; ++i) times.push_back(any_time(random));
    for (const Seconds time : times) {
      const auto expected = clock.at(time);
      const auto& type = rules.periods[rules.period_at(time)].type;
      ASSERT_EQ(type.offset, expected.tm_gmtoff) << time;
      ASSERT_EQ(type.abbreviation, expected.tm_zone) << time;
    }
  }
}

TEST(Zone, MissesNoChangeThatTheCLibraryKnows) {
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"}) {
    const auto zone = Zone::find(name).value();
    const LocalClock clock(name);
    for (Seconds time = 1704067200; time < 4102444800; time += 6 * 3600) {
      ASSERT_EQ(zone.rules().periods[zone.rules().period_at(time)].type.offset, clock.at(time).tm_gmtoff) << time;
    }
  }
}

TEST(Zone, SharesTheRulesOfAName) {
  const auto one = Zone::find("Europe/Berlin").value();
  const auto other = Zone::find("Europe/Berlin").value();
  EXPECT_EQ(&one.rules(), &other.rules());
}

TEST(Zone, PrintsLocalTimeWithItsAbbreviation) {
  const auto berlin = Zone::find("Europe/Berlin").value();
  EXPECT_EQ(berlin.name(), "Europe/Berlin");
  EXPECT_EQ(berlin.format_local(utc("2026-11-23T08:00:00Z")), "2026-11-23 09:00:00 CET");
  EXPECT_EQ(berlin.format_local(utc("2026-10-25T00:59:59.999Z")), "2026-10-25 02:59:59 CEST");
  EXPECT_EQ(berlin.format_local(utc("2026-10-25T01:00:00Z")), "2026-10-25 02:00:00 CET");
  EXPECT_EQ(berlin.format_local(utc("2098-07-01T00:00:00Z")), "2098-07-01 02:00:00 CEST");
  EXPECT_EQ(Zone::utc().format_local(utc("2026-11-23T08:00:00Z")), "2026-11-23 08:00:00 UTC");
  EXPECT_EQ(Zone::find("Asia/Tehran")->format_local(utc("2026-11-23T08:00:00Z")), "2026-11-23 11:30:00 +0330");
}

TEST(Zone, NamesTheNearestToAnUnknownOne) {
  const std::pair<const char*, const char*> cases[] = {
      {"Europe/Berln", "Europe/Berlin"}, {"europe/berlin", "Europe/Berlin"},      {"Berlin", "Europe/Berlin"},
      {"New York", "America/New_York"},  {"America/NewYork", "America/New_York"}, {"utc", "UTC"}};
  for (const auto& [wrong, right] : cases) {
    const auto zone = Zone::find(wrong);
    ASSERT_FALSE(zone) << wrong;
    EXPECT_EQ(zone.error().what,
              std::string("\"") + wrong + "\" is not a known time zone; did you mean " + right + "?");
  }
}

TEST(Zone, ExplainsTheSignOfAFixedOffset) {
  EXPECT_EQ(Zone::find("UTC+2").error().what,
            "\"UTC+2\" is not a known time zone; the one of that offset is Etc/GMT-2");
  EXPECT_EQ(Zone::find("GMT-03").error().what,
            "\"GMT-03\" is not a known time zone; the one of that offset is Etc/GMT+3");
}

TEST(Zone, RefusesWhatIsNotTheNameOfAZone) {
  for (const char* name : {"", "/etc/passwd", "../../../etc/passwd", "Europe/../UTC", "Europe", "Europe/", "zone.tab",
                           "tzdata.zi", "leapseconds", ":UTC", "Europe/Berlin ", "Europe//Berlin"}) {
    EXPECT_FALSE(Zone::find(name)) << name;
  }
  EXPECT_FALSE(Zone::find(std::string(100'000, 'x')));
  EXPECT_FALSE(Zone::find(std::string("UTC\0x", 5)));
}

TEST(Zone, RefusesZonesThatCountLeapSeconds) {
  if (!std::filesystem::exists(zone_directory() / "right/Europe/Berlin")) GTEST_SKIP() << "no such zones here";
  EXPECT_EQ(Zone::find("right/Europe/Berlin").error().what,
            "counts leap seconds: give the zone of the same name without \"right/\"");
}

TEST(Zone, FindsAPosixRule) {
  const auto havana = Zone::find("CST5CDT,M3.2.0/0,M11.1.0/1").value();
  EXPECT_EQ(havana.format_local(utc("2026-03-08T04:59:59Z")), "2026-03-07 23:59:59 CST");
  EXPECT_EQ(havana.format_local(utc("2026-03-08T05:00:00Z")), "2026-03-08 01:00:00 CDT");
  EXPECT_EQ(havana.format_local(utc("2026-11-01T05:00:00Z")), "2026-11-01 00:00:00 CST");
  EXPECT_EQ(Zone::find("<+0330>-3:30")->format_local(utc("2026-01-01T00:00:00Z")), "2026-01-01 03:30:00 +0330");
}

TEST(Zone, FindsTheRuleThatTheDocumentsShow) {
  const auto new_york = Zone::find("EST5EDT,M3.2.0,M11.1.0").value();
  EXPECT_EQ(new_york.format_local(utc("2027-03-13T14:00:00Z")), "2027-03-13 09:00:00 EST");
  EXPECT_EQ(new_york.format_local(utc("2027-03-14T13:00:00Z")), "2027-03-14 09:00:00 EDT");
}

TEST(ZoneLocal, FollowsTz) {
  const std::pair<const char*, const char*> cases[] = {
      {"Europe/Berlin", "2026-07-01 02:00:00 CEST"},
      {":Europe/Berlin", "2026-07-01 02:00:00 CEST"},
      {"/usr/share/zoneinfo/Europe/Berlin", "2026-07-01 02:00:00 CEST"},
      {":/usr/share/zoneinfo/Europe/Berlin", "2026-07-01 02:00:00 CEST"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01 02:00:00 CEST"},
      {"EST5", "2026-06-30 19:00:00 EST"},
      {"UTC+2", "2026-06-30 22:00:00 UTC"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-06-30 23:00:00 -01"},
      {"UTC", "2026-07-01 00:00:00 UTC"},
      {"", "2026-07-01 00:00:00 UTC"},
      {":", "2026-07-01 00:00:00 UTC"},
  };
  for (const auto& [variable, expected] : cases) {
    const TzVariable tz(variable);
    const auto zone = Zone::local();
    ASSERT_TRUE(zone) << variable << ": " << zone.error().text();
    EXPECT_EQ(zone->format_local(utc("2026-07-01T00:00:00Z")), expected) << variable;
  }
  const TzVariable tz("/usr/share/zoneinfo/Europe/Berlin");
  EXPECT_EQ(Zone::local()->name(), "Europe/Berlin");
}

// Debian 13 has the file in a package of its own, tzdata-legacy.
TEST(ZoneLocal, PrefersAFileToARuleOfTheSameName) {
  const TzVariable tz("EST5EDT");
  const auto zone = Zone::local();
  if (std::filesystem::exists("/usr/share/zoneinfo/EST5EDT")) {
    ASSERT_TRUE(zone) << zone.error().text();
    EXPECT_EQ(zone->format_local(utc("2026-07-01T00:00:00Z")), "2026-06-30 20:00:00 EDT");
  } else {
    ASSERT_FALSE(zone);
    EXPECT_TRUE(zone.error().what.starts_with("TZ: \"EST5EDT\" names a daylight saving time but not when it applies"))
        << zone.error().what;
  }
}

TEST(ZoneLocal, SaysWhatIsWrongWithTz) {
  const std::pair<const char*, const char*> cases[] = {
      {"Europe/Berln", "TZ: \"Europe/Berln\" is not a known time zone; did you mean Europe/Berlin?"},
      {"CET-1CEST",
       "TZ: \"CET-1CEST\" names a daylight saving time but not when it applies: add that, as in "
       "CET-1CEST,M3.5.0,M10.5.0/3, or give a name such as Europe/Berlin"},
      {"CET-1CEST,M3.5.0", "TZ: \"CET-1CEST,M3.5.0\" is not a time zone rule such as CET-1CEST,M3.5.0,M10.5.0/3"},
      {"/nonexistent", "TZ: /nonexistent: there is no such time zone file"},
      {"/etc/passwd", "TZ: /etc/passwd: is not a time zone file (TZif)"},
  };
  for (const auto& [variable, expected] : cases) {
    const TzVariable tz(variable);
    const auto zone = Zone::local();
    ASSERT_FALSE(zone) << variable;
    EXPECT_EQ(zone.error().text(), expected);
  }
}

TEST(ZoneLocal, IsTheMachinesZoneWithoutTz) {
  const TzVariable tz(nullptr);
  const auto zone = Zone::local();
  ASSERT_TRUE(zone) << zone.error().text();
  EXPECT_FALSE(zone->name().empty());
  tzset();
  const std::time_t time = 1795420800;
  EXPECT_EQ(zone->rules().periods[zone->rules().period_at(time)].type.offset, std::localtime(&time)->tm_gmtoff);
}

}  // namespace
}  // namespace mig_runner::cron
