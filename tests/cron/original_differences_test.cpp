// Where schedules mean something else than to the original's library (github.com/gorhill/cronexpr at 88b0669): each
// line of the table in docs/migrating.md, with what that library answers, as seen with Go 1.19.

#include <gmock/gmock.h>

#include "cron/schedule.h"

namespace mig_runner::cron {
namespace {

using testing::HasSubstr;

const Timestamp kFrom = parse_rfc3339("2026-11-23T08:00:30Z").value();  // a Monday

// The next four times.
std::string times(const std::string& expression) {
  const auto schedule = Schedule::parse(expression);
  if (!schedule) return schedule.error().text();
  std::string text;
  auto time = schedule->next(kFrom, Zone::utc());
  for (int i = 0; i < 4 && time; ++i, time = schedule->next(*time, Zone::utc()))
    text += (text.empty() ? "" : " ") + format_utc(*time);
  return text;
}

TEST(DifferenceToTheOriginal, SevenIsSundayInARangeToo) {
  // The original takes it for 0 everywhere, so that 5-7 is reversed: no day at all.
  EXPECT_EQ(times("0 8 * * 5-7"),
            "2026-11-27T08:00:00Z 2026-11-28T08:00:00Z 2026-11-29T08:00:00Z 2026-12-04T08:00:00Z");
  EXPECT_EQ(times("0 8 * * 1-7"), times("0 8 * * *"));
  EXPECT_EQ(times("0 8 * * 5-7/2"), times("0 8 * * 5,0"));
  // The original: Sundays only.
  EXPECT_EQ(times("0 8 * * 0-7"), times("0 8 * * *"));
  // The original: Sunday to Wednesday.
  EXPECT_THAT(times("0 8 * * 7-3"), HasSubstr("reversed range; to go past the end write 7-7,1-3"));
  // The original: no day at all.
  EXPECT_THAT(times("0 8 * * fri-sun"), HasSubstr("as the end of a range Sunday is 7: fri-7"));
}

TEST(DifferenceToTheOriginal, ElsewhereSevenIsTheSame) {
  EXPECT_EQ(times("0 8 * * 7"), "2026-11-29T08:00:00Z 2026-12-06T08:00:00Z 2026-12-13T08:00:00Z 2026-12-20T08:00:00Z");
  EXPECT_EQ(times("0 8 * * 7/2"),
            "2026-11-24T08:00:00Z 2026-11-26T08:00:00Z 2026-11-28T08:00:00Z 2026-11-29T08:00:00Z");
  EXPECT_EQ(times("0 8 * * 7L"), "2026-11-29T08:00:00Z 2026-12-27T08:00:00Z 2027-01-31T08:00:00Z 2027-02-28T08:00:00Z");
  EXPECT_EQ(times("0 8 * * 7#2"),
            "2026-12-13T08:00:00Z 2027-01-10T08:00:00Z 2027-02-14T08:00:00Z 2027-03-14T08:00:00Z");
}

TEST(DifferenceToTheOriginal, AZeroInFrontOfADayOfTheWeekOrAMonthChangesNothing) {
  // The original: Sundays, whatever the digit.
  EXPECT_EQ(times("0 8 * * 01"), times("0 8 * * mon"));
  EXPECT_EQ(times("0 8 * * 01-05"), times("0 8 * * mon-fri"));
  EXPECT_EQ(times("0 8 * * 05L"), times("0 8 * * 5L"));
  EXPECT_EQ(times("0 8 * * 02#1"), times("0 8 * * 2#1"));
  // The original: first in December, then without pause.
  EXPECT_EQ(times("0 8 1 08 *"), times("0 8 1 aug *"));
  EXPECT_EQ(times("0 8 1 01-03 *"), times("0 8 1 jan-mar *"));
}

TEST(DifferenceToTheOriginal, WhatItRefusesAndThisTakes) {
  EXPECT_EQ(times("0 8 * * */7"), times("0 8 * * 0"));
  EXPECT_EQ(times("*/60 * * * *"), times("0 * * * *"));
  EXPECT_EQ(times("0 */24 * * *"), times("0 0 * * *"));
  EXPECT_EQ(times("?/10 * * * *"), times("*/10 * * * *"));
  EXPECT_EQ(times("005 8 * * *"), times("5 8 * * *"));
  EXPECT_EQ(times("*/005 8 * * *"), times("*/5 8 * * *"));
  EXPECT_EQ(times("@Daily"), times("@daily"));
  EXPECT_EQ(times("0 8 * * * 2026/100"), times("0 8 * * * 2026"));
}

TEST(DifferenceToTheOriginal, WhatItTakesAndThisRefuses) {
  // The original ignores what stands beside a *.
  EXPECT_THAT(times("*,foo 8 * * *"), HasSubstr("\"foo\" is not 0 to 59"));
  // The original ignores fields after the seventh; a nickname counts as seven.
  EXPECT_THAT(times("@weekly 2027"), HasSubstr("2 of at least 5 fields"));
  EXPECT_THAT(times("0 8 * * * * * *"), HasSubstr("more than 7 fields"));
  EXPECT_THAT(times("0 8 1,,15 * *"), HasSubstr("an empty list member"));
  // The original launches without pause.
  EXPECT_THAT(times("0 0 31 2 *"), HasSubstr("never fires"));
  EXPECT_THAT(times("0 8 * * * 2027-2026"), HasSubstr("reversed range"));
}

}  // namespace
}  // namespace mig_runner::cron
