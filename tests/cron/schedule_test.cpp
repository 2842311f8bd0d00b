#include "cron/schedule.h"

#include <gtest/gtest.h>

#include <limits>

namespace mig_runner::cron {
namespace {

Timestamp utc(std::string_view text) {
  return parse_rfc3339(text).value();
}

Schedule schedule(std::string_view expression) {
  auto parsed = Schedule::parse(expression);
  if (!parsed) throw std::runtime_error(parsed.error().text());
  return *parsed;
}

std::string next(std::string_view expression, std::string_view after, const Zone& zone = Zone::utc()) {
  const auto time = schedule(expression).next(utc(after), zone);
  return time ? format_utc(*time) : "never";
}

TEST(ScheduleParse, SaysWhichFieldWhereAndWhatWouldBeRight) {
  struct Case {
    const char* expression;
    const char* error;
  };
  const Case cases[] = {
      {"",
       "column 1: 0 of at least 5 fields: [second] minute hour day-of-month month day-of-week [year], where 6 fields "
       "end with the year and 7 begin with the second"},
      {"* * * *",
       "column 8: 4 of at least 5 fields: [second] minute hour day-of-month month day-of-week [year], where 6 "
       "fields end with the year and 7 begin with the second"},
      {"0 0 0 1 1 * 2030 x",
       "column 18: more than 7 fields: [second] minute hour day-of-month month day-of-week [year], "
       "where 6 fields end with the year and 7 begin with the second"},
      {"60 * * * *", "column 1: minute: \"60\" is not 0 to 59"},
      {"0 24 * * *", "column 3: hour: \"24\" is not 0 to 23"},
      {"0 0,25 * * *", "column 5: hour: \"25\" is not 0 to 23"},
      {"  0\t0  32 * *", "column 8: day-of-month: \"32\" is not 1 to 31, L, LW or such as 15W"},
      {"0 0 * Foo *", "column 7: month: \"Foo\" is not 1 to 12 or jan to dec"},
      {"0 0 * * 8", "column 9: day-of-week: \"8\" is not 0 to 7 or sun to sat, or such as 5L or mon#2"},
      {"0 0 * * 1#6", "column 9: day-of-week: \"1#6\" is not 0 to 7 or sun to sat, or such as 5L or mon#2"},
      {"0 0 * * L", "column 9: day-of-week: \"L\" is not 0 to 7 or sun to sat; the last Saturday is 6L"},
      {"H * * * *",
       "column 1: minute: \"H\" is not 0 to 59; H is not known here: choose a number, or give the job a splay"},
      {"0 0 1 1 * 1969", "column 11: year: \"1969\" is not 1970 to 2099 (with 6 fields the last one is the year)"},
      {"0 0 3 * * 1", "column 11: year: \"1\" is not 1970 to 2099 (with 6 fields the last one is the year)"},
      {"5-1 * * * *", "column 1: minute: \"5-1\" is a reversed range; to go past the end write 5-59,0-1"},
      {"0 0 * * fri-mon",
       "column 9: day-of-week: \"fri-mon\" is a reversed range; to go past the end write fri-7,1-mon"},
      {"0 0 * * fri-sun",
       "column 9: day-of-week: \"fri-sun\" is a reversed range; as the end of a range Sunday is 7: fri-7"},
      {"0 0 1 1 * 2031-2030",
       "column 11: year: \"2031-2030\" is a reversed range; the earlier year comes first (with 6 "
       "fields the last one is the year)"},
      {"1,,2 * * * *", "column 3: minute: an empty list member: a value is missing beside a comma"},
      {",1 * * * *", "column 1: minute: an empty list member: a value is missing beside a comma"},
      {"1, * * * *", "column 3: minute: an empty list member: a value is missing beside a comma"},
      {"1- * * * *", "column 3: minute: a value is missing: 0 to 59"},
      {"*/0 * * * *", "column 3: minute: \"0\" is not a step: after / has to stand 1 to 60"},
      {"*/61 * * * *", "column 3: minute: \"61\" is not a step: after / has to stand 1 to 60"},
      {"*/ * * * *", "column 3: minute: \"\" is not a step: after / has to stand 1 to 60"},
      {"1/2/3 * * * *", "column 3: minute: \"2/3\" is not a step: after / has to stand 1 to 60"},
      {"0 0 31 2 *",
       "column 5: day-of-month: never fires, for none of the chosen months of the chosen years has such a day"},
      {"0 0 0 29 2 * 2027",
       "column 7: day-of-month: never fires, for none of the chosen months of the chosen years has such a day"},
      {"@reboot", "column 1: \"@reboot\" is not one of @annually, @yearly, @monthly, @weekly, @daily, @hourly"},
  };
  for (const auto& [expression, error] : cases) {
    const auto parsed = Schedule::parse(expression);
    ASSERT_FALSE(parsed) << expression;
    EXPECT_EQ(parsed.error().text(), error) << expression;
  }
}

TEST(ScheduleParse, RefusesMoreThatTheOriginalLetThrough) {
  for (const char* expression :
       {"0 0 30 2 *",    "0 0 31 4,6,9,11 *", "0 0 31W feb *", "0 0 29 2 * 2026-2027", "0 0 * 2 1#5 2026",
        "0 0 L-3 * *",   "0 0 WL * *",        "0 0 W * *",     "0 0 * * 1#",           "0 0 * * #1",
        "0 0 * * 1#1#1", "0 0 * * 1L#2",      "0 0 L/2 * *",   "0 0 15W/2 * *",        "0 0 1-15W * *",
        "0 0 * * 1-5L",  "0 0 * * 1#2/2",     "** * * * *",    "*5 * * * *",           "*-5 * * * *",
        "1-5-9 * * * *", "0 0 * janu *",      "0 0 * * mond",  "@daily @daily",        "@",
        "\xff * * * *",  "1;2 * * * *"}) {
    EXPECT_FALSE(Schedule::parse(expression)) << expression;
  }
  EXPECT_FALSE(Schedule::parse(std::string("0 0 * * *\0", 10)));
  EXPECT_FALSE(Schedule::parse(std::string(10'000, '*')));
  EXPECT_LT(Schedule::parse(std::string(4'000, 'x') + " * * * *").error().text().size(), 200U);
}

TEST(ScheduleParse, KnowsEveryFormOfTheGrammar) {
  const char* monday = "2026-11-23T08:00:00Z";
  EXPECT_EQ(next("? ? ? ? ?", monday), "2026-11-23T08:01:00Z");
  EXPECT_EQ(next("?/7 * * * *", monday), "2026-11-23T08:07:00Z");
  EXPECT_EQ(next("*/60 */24 * * *", monday), "2026-11-24T00:00:00Z");
  EXPECT_EQ(next("50/4 * * * *", "2026-11-23T08:55:00Z"), "2026-11-23T08:58:00Z");
  EXPECT_EQ(next("007 09 * * *", monday), "2026-11-23T09:07:00Z");
  EXPECT_EQ(next("0 0 * December *", monday), "2026-12-01T00:00:00Z");
  EXPECT_EQ(next("0 0 * * WeDnEsDaY", monday), "2026-11-25T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 7", monday), "2026-11-29T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 7L", monday), "2026-11-29T00:00:00Z");
  EXPECT_EQ(next("0 0 * * sun#5", monday), "2026-11-29T00:00:00Z");
  EXPECT_EQ(next("0 0 * * friL", monday), "2026-11-27T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 5-7", "2026-11-28T08:00:00Z"), "2026-11-29T00:00:00Z") << "Friday to Sunday";
  EXPECT_EQ(next("0 0 * * 7/3", monday), "2026-11-25T00:00:00Z") << "Sunday, Wednesday, Saturday";
  EXPECT_EQ(next("0 0 * * 5/2", "2026-11-28T08:00:00Z"), "2026-12-04T00:00:00Z") << "a/n ends on Saturday";
  EXPECT_EQ(next("0 0 lw * *", monday), "2026-11-30T00:00:00Z");
  EXPECT_EQ(next("0 0 28w * *", monday), "2026-11-27T00:00:00Z");
  EXPECT_EQ(next("0 0 31W * *", "2026-02-01T00:00:00Z"), "2026-03-31T00:00:00Z") << "no 31st, no day near it";
  EXPECT_EQ(next("0 0 1W 8 *", monday), "2027-08-02T00:00:00Z") << "the 1st is a Sunday";
  EXPECT_EQ(next("0 0 1W 5 * 2027", monday), "2027-05-03T00:00:00Z") << "the 1st is a Saturday: not back into April";
  EXPECT_EQ(next("0 0 31W 1 * 2027", monday), "2027-01-29T00:00:00Z") << "the 31st is a Sunday: not on into February";
  EXPECT_EQ(next("0 0 29 2 *", monday), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("15 30 2 * * * *", monday), "2026-11-24T02:30:15Z");
  EXPECT_EQ(next("\t 0   0 1\t1 * 2099 \n", monday), "2099-01-01T00:00:00Z");
  EXPECT_EQ(next(" @Hourly ", monday), "2026-11-23T09:00:00Z");
  EXPECT_EQ(next("@annually", monday), "2027-01-01T00:00:00Z");
  EXPECT_EQ(next("@monthly", monday), "2026-12-01T00:00:00Z");
}

TEST(ScheduleParse, AddsUpTwoRestrictedDayFieldsAndCrossesOthers) {
  const char* monday = "2026-11-23T08:00:00Z";
  EXPECT_EQ(next("0 0 13 * fri", monday), "2026-11-27T00:00:00Z") << "a Friday or the 13th";
  EXPECT_EQ(next("0 0 1 * 0-7", monday), "2026-11-24T00:00:00Z") << "0-7 is every day";
  EXPECT_EQ(next("0 0 */1 * fri", monday), "2026-11-24T00:00:00Z");
  EXPECT_EQ(next("0 0 *,1 * fri", monday), "2026-11-27T00:00:00Z") << "a list with * restricts nothing";
  EXPECT_EQ(next("0 0 ? * fri", monday), "2026-11-27T00:00:00Z");
}

TEST(ScheduleNext, KeepsToTheYearsFrom1970To2099) {
  EXPECT_EQ(next("0 0 1 1 *", "1900-01-01T00:00:00Z"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(next("59 23 31 12 *", "2099-12-31T23:58:59Z"), "2099-12-31T23:59:00Z");
  EXPECT_EQ(next("59 23 31 12 *", "2099-12-31T23:59:00Z"), "never");
  EXPECT_EQ(next("* * * * *", "2500-01-01T00:00:00Z"), "never");
  EXPECT_EQ(next("0 0 1 1 * 2026", "2026-01-01T00:00:00Z"), "never");
  const auto every_minute = schedule("* * * * *");
  const auto berlin = Zone::find("Europe/Berlin").value();
  EXPECT_FALSE(every_minute.next(Timestamp::max(), berlin));
  EXPECT_EQ(format_utc(every_minute.next(Timestamp::min(), berlin).value()), "1969-12-31T23:00:00Z");
  EXPECT_EQ(format_utc(every_minute.latest(Timestamp::min(), Timestamp::max(), berlin).value()),
            "2099-12-31T22:59:00Z");
  EXPECT_EQ(format_utc(schedule("59 23 31 12 *").latest(Timestamp::min(), Timestamp::max(), berlin).value()),
            "2099-12-31T22:59:00Z");
}

TEST(ScheduleNext, IsStrictlyLaterEvenWithinASecond) {
  EXPECT_EQ(next("* * * * * * *", "2026-11-23T08:00:00Z"), "2026-11-23T08:00:01Z");
  EXPECT_EQ(next("* * * * * * *", "2026-11-23T08:00:00.001Z"), "2026-11-23T08:00:01Z");
  EXPECT_EQ(next("* * * * * * *", "2026-11-23T07:59:59.999Z"), "2026-11-23T08:00:00Z");
  EXPECT_EQ(next("0 8 * * *", "1971-12-31T07:59:59.999Z"), "1971-12-31T08:00:00Z");
}

TEST(ScheduleNext, FiresOnceAtTheEndOfAGap) {
  const auto berlin = Zone::find("Europe/Berlin").value();  // 2026-03-29 02:00 becomes 03:00
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", berlin), "2026-03-29T01:00:00Z");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29T01:00:00Z", berlin), "2026-03-30T00:30:00Z");
  EXPECT_EQ(next("0,20,40 2,3 * * *", "2026-03-29T00:59:59Z", berlin), "2026-03-29T01:00:00Z");
  EXPECT_EQ(next("0,20,40 2,3 * * *", "2026-03-29T01:00:00Z", berlin), "2026-03-29T01:20:00Z");
  EXPECT_EQ(next("30 2 29 3 * 2026", "2026-03-01T00:00:00Z", berlin), "2026-03-29T01:00:00Z");
  EXPECT_EQ(next("*/30 2 * * *", "2026-03-28T12:00:00Z", berlin), "2026-03-30T00:00:00Z") << "an interval skips it";
  EXPECT_EQ(next("*/5 2 29 3 * 2026", "2026-03-01T00:00:00Z", berlin), "never");
  EXPECT_EQ(next("*/5 2 * 3 0L", "2026-03-01T00:00:00Z", berlin), "never") << "each of its hours is skipped";
}

TEST(ScheduleNext, FiresOnceInARepeatedHour) {
  const auto berlin = Zone::find("Europe/Berlin").value();  // 2026-10-25 03:00 becomes 02:00
  EXPECT_EQ(next("30 2 * * *", "2026-10-24T12:00:00Z", berlin), "2026-10-25T00:30:00Z");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T00:30:00Z", berlin), "2026-10-26T01:30:00Z");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T01:10:00Z", berlin), "2026-10-26T01:30:00Z")
      << "from within the second pass";
  EXPECT_EQ(next("*/30 2 * * *", "2026-10-25T00:30:00Z", berlin), "2026-10-25T01:00:00Z") << "an interval takes both";
}

TEST(ScheduleNext, LivesThroughASkippedDay) {
  const auto samoa = Zone::find("Pacific/Apia").value();  // had no 2011-12-30
  EXPECT_EQ(next("0 12 * * *", "2011-12-30T00:00:00Z", samoa), "2011-12-30T10:00:00Z");
  EXPECT_EQ(next("0 12 * * *", "2011-12-30T10:00:00Z", samoa), "2011-12-30T22:00:00Z");
  EXPECT_EQ(next("0 * 30 12 * 2011", "2011-12-01T00:00:00Z", samoa), "never");
}

TEST(ScheduleLatest, IsTheLastOfASpan) {
  const auto daily = schedule("0 8 * * *");
  const auto at = utc("2026-11-23T08:00:00Z");
  EXPECT_EQ(daily.latest(utc("2020-01-01T00:00:00Z"), at, Zone::utc()), at) << "`at` itself counts";
  EXPECT_EQ(daily.latest(at - std::chrono::milliseconds(1), at, Zone::utc()), at);
  EXPECT_FALSE(daily.latest(at, at, Zone::utc())) << "`after` itself does not";
  EXPECT_FALSE(daily.latest(at, at - std::chrono::hours(48), Zone::utc()));
  EXPECT_EQ(daily.latest(utc("1970-01-01T00:00:00Z"), at - std::chrono::milliseconds(1), Zone::utc()),
            at - std::chrono::hours(24));
}

TEST(ScheduleDescribe, SpeaksInWords) {
  const std::pair<const char*, const char*> cases[] = {
      {"* * * * *", "every minute"},
      {"*/5 * * * *", "every 5 minutes"},
      {"0 * * * *", "every hour"},
      {"@hourly", "every hour"},
      {"7 * * * *", "every hour at minute 7"},
      {"0 */6 * * *", "every 6 hours"},
      {"15 */2 * * *", "every 2 hours at minute 15"},
      {"* * * * * * *", "every second"},
      {"*/10 * * * * * *", "every 10 seconds"},
      {"30 2 * * *", "at 02:30 every day"},
      {"30 2 * * 1", "at 02:30 on Mondays"},
      {"30 2 * * 1-5", "at 02:30 on Mondays to Fridays"},
      {"30 2 * * 6,0", "at 02:30 on Saturdays and Sundays"},
      {"0 8,12,17 * * *", "at 08:00, 12:00 and 17:00 every day"},
      {"5 0 2 * * 1-5 *", "at 02:00:05 on Mondays to Fridays"},
      {"@monthly", "at 00:00 on the 1st"},
      {"@weekly", "at 00:00 on Sundays"},
      {"@yearly", "at 00:00 on the 1st in January"},
      {"0 0 1,2,3,11,22,23 * *", "at 00:00 on the 1st to 3rd, the 11th, the 22nd and the 23rd"},
      {"0 0 13 * fri", "at 00:00 on the 13th, and on Fridays"},
      {"0 0 L * *", "at 00:00 on the last day of the month"},
      {"0 0 LW * *", "at 00:00 on the last weekday of the month"},
      {"0 0 15W * *", "at 00:00 on the weekday nearest to the 15th"},
      {"0 0 * * 1#2", "at 00:00 on the second Monday of the month"},
      {"0 0 * * 5L", "at 00:00 on the last Friday of the month"},
      {"0 0 * 6-8 *", "at 00:00 every day in June to August"},
      {"0 0 1 1 * 2030", "at 00:00 on the 1st in January in 2030"},
      {"*/7 * * * *", "at every 7th minute from 0 to 56 of every hour"},
      {"*/5 9-17 * * *", "every 5 minutes of hours 9 to 17"},
      {"* 9-17 * * *", "every minute of hours 9 to 17"},
      {"1-3 0 2 * * * *", "at seconds 1 to 3 of minute 0 of hour 2 every day"},
      {"*/30 5 2 * * * *", "every 30 seconds of minute 5 of hour 2"},
      {"0 8 */2 * *", "at 08:00 on every 2nd day from the 1st to the 31st"},
      {"0 8 1 1 * */10", "at 08:00 on the 1st in January in every 10th year from 1970 to 2090"},
      {"*/15 * * * 1", "every 15 minutes on Mondays"},
      {"0 0 */1 * 1", "at 00:00 every day"},
  };
  for (const auto& [expression, words] : cases) EXPECT_EQ(schedule(expression).describe(), words) << expression;
}

}  // namespace
}  // namespace mig_runner::cron
