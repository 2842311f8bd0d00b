#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "cron/local_clock.h"
#include "cron/random_expression.h"
#include "cron/schedule.h"

namespace mig_runner::cron {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::time_t kMinute = 60;
constexpr std::time_t kDay = 86400;

Timestamp at(std::time_t utc) {
  return Timestamp(seconds(utc));
}

const char* const kZones[] = {"Europe/Berlin",       "Europe/London",    "Europe/Dublin",    "America/New_York",
                              "America/Havana",      "America/Santiago", "America/St_Johns", "Africa/Casablanca",
                              "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Jerusalem",   "America/Nuuk"};

// Instants from 2025 to 2030 at which the zone's offset changes, to the minute.
std::vector<std::time_t> changes_of(const LocalClock& clock) {
  std::vector<std::time_t> changes;
  for (std::time_t time = 1735689600; time < 1924992000; time += kDay) {
    if (clock.at(time).tm_gmtoff == clock.at(time + kDay).tm_gmtoff) continue;
    auto change = time;
    while (clock.at(change).tm_gmtoff == clock.at(time).tm_gmtoff) change += kMinute;
    changes.push_back(change);
  }
  return changes;
}

// The minutes around a change of the clocks, as the C library sees them.
class Window {
 public:
  Window(const LocalClock& clock, std::time_t begin, std::time_t end) : begin_(begin), end_(end) {
    for (auto time = begin; time < end; time += kMinute) {
      const auto local = clock.at(time);
      instants_.push_back({time, local});
      first_instant_.try_emplace(time + local.tm_gmtoff, time);
    }
  }

  // The times at which the expression fires, by the words of the rule.
  std::vector<std::time_t> fires(const RandomExpression& expression) const {
    std::vector<std::time_t> times;
    if (expression.interval) {
      for (const auto& [time, local] : instants_) {
        if (expression.fits(local)) times.push_back(time);
      }
      return times;
    }
    const auto last = first_instant_.rbegin()->first;
    for (auto wall = first_instant_.begin()->first; wall <= last; wall += kMinute) {
      std::tm local{};
      gmtime_r(&wall, &local);
      if (!expression.fits(local)) continue;
      const auto seen = first_instant_.find(wall);
      times.push_back(seen != first_instant_.end() ? seen->second : after_gap(wall));
    }
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    return times;
  }

  std::time_t begin() const { return begin_; }
  std::time_t end() const { return end_; }

 private:
  struct Instant {
    std::time_t utc;
    std::tm local;
  };

  // The first instant at which the clocks show more than the skipped time.
  std::time_t after_gap(std::time_t wall) const {
    for (const auto& [time, local] : instants_) {
      if (time + local.tm_gmtoff > wall) return time;
    }
    return end_;
  }

  std::time_t begin_;
  std::time_t end_;
  std::vector<Instant> instants_;
  std::map<std::time_t, std::time_t> first_instant_;  // by wall clock time
};

void expect_fires(const Schedule& schedule, const Zone& zone, const Window& window,
                  const std::vector<std::time_t>& fires, std::mt19937_64& random) {
  // Near its ends the window cannot tell what a gap or a repeat outside does.
  const auto first = window.begin() + 6 * 3600;
  const auto last = window.end() - 6 * 3600;
  auto after = at(first);
  for (auto fire = std::upper_bound(fires.begin(), fires.end(), first); fire != fires.end() && *fire < last; ++fire) {
    const auto next = schedule.next(after, zone);
    ASSERT_TRUE(next);
    ASSERT_EQ(format_utc(*next), format_utc(at(*fire))) << "after " << format_utc(after);
    after = *next;
  }
  if (const auto next = schedule.next(after, zone)) {
    ASSERT_GE(*next, at(last)) << "after " << format_utc(after);
  }
  std::uniform_int_distribution<std::time_t> any(first, last);
  for (int i = 0; i < 10; ++i) {
    auto [from, to] = std::minmax({any(random), any(random)});
    const auto fire = std::upper_bound(fires.begin(), fires.end(), to);
    const bool some = fire != fires.begin() && *(fire - 1) > from;
    ASSERT_EQ(schedule.latest(at(from), at(to), zone), some ? std::optional(at(*(fire - 1))) : std::nullopt)
        << "from " << format_utc(at(from)) << " to " << format_utc(at(to));
    const auto next = schedule.next(at(to), zone);
    if (fire != fires.end() && *fire < last) {
      ASSERT_EQ(next, at(*fire)) << "after " << format_utc(at(to));
    }
  }
}

class EveryChange : public testing::TestWithParam<const char*> {};

TEST_P(EveryChange, FiresAsTheRuleSaysMinuteByMinute) {
  const auto zone = Zone::find(GetParam()).value();
  const LocalClock clock(GetParam());
  const auto changes = changes_of(clock);
  if (changes.empty()) GTEST_SKIP() << "this tz database knows no changes from 2025 to 2030";
  std::mt19937_64 random(2026);
  std::size_t compared = 0;
  for (const auto change : changes) {
    const Window window(clock, change - 36 * 3600, change + 36 * 3600);
    for (int i = 0; i < 40; ++i) {
      const RandomExpression expression(random, {.small_hours = true, .rare_days = i % 4 == 0});
      const auto schedule = Schedule::parse(expression.text);
      if (!schedule) {
        ASSERT_NE(schedule.error().what.find("never fires"), std::string::npos) << schedule.error().text();
        continue;
      }
      SCOPED_TRACE(expression.text);
      const auto fires = window.fires(expression);
      compared += fires.size();
      expect_fires(*schedule, zone, window, fires, random);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(compared, 0U);
}

TEST_P(EveryChange, NextIsStrictlyLaterAndNothingLiesBetween) {
  const auto zone = Zone::find(GetParam()).value();
  const LocalClock clock(GetParam());
  const auto changes = changes_of(clock);
  std::mt19937_64 random(2027);
  for (int i = 0; i < 200; ++i) {
    const RandomExpression expression(random, {.seconds = i % 2 == 0, .small_hours = true});
    const auto schedule = Schedule::parse(expression.text);
    if (!schedule) continue;
    SCOPED_TRACE(expression.text);
    for (const auto change : changes) {
      auto after = at(change) - hours(3);
      for (int step = 0; step < 20; ++step) {
        const auto next = schedule->next(after, zone);
        if (!next) break;
        ASSERT_GT(*next, after);
        ASSERT_EQ(schedule->next(*next - seconds(1), zone), next);
        ASSERT_EQ(schedule->latest(after, *next, zone), next);
        ASSERT_FALSE(schedule->latest(after, *next - std::chrono::milliseconds(1), zone));
        after = *next;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TwelveZones, EveryChange, testing::ValuesIn(kZones), [](const auto& tested) {
  std::string name = tested.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

// The first second after `after` that fits, day by day; nothing up to `end`: `end`.
std::time_t brute_force_next(const RandomExpression& expression, std::time_t after, std::time_t end) {
  for (auto midnight = after - after % kDay; midnight < end; midnight += kDay) {
    std::tm local{};
    gmtime_r(&midnight, &local);
    if (!expression.fits_day(local)) continue;
    for (auto time = midnight; time < midnight + kDay; ++time) {
      if (time <= after) continue;
      gmtime_r(&time, &local);
      if (expression.fits_time(local)) return time;
    }
  }
  return end;
}

TEST(Calendar, NextIsWhatBruteForceFindsSecondBySecond) {
  std::mt19937_64 random(1970);
  std::uniform_int_distribution<std::time_t> any_time(0, 4102444800 - 1);
  int found = 0;
  for (int i = 0; i < 2'500; ++i) {
    const RandomExpression expression(random, {.seconds = i % 2 == 0});
    const auto schedule = Schedule::parse(expression.text);
    if (!schedule) {
      ASSERT_NE(schedule.error().what.find("never fires"), std::string::npos) << schedule.error().text();
      ASSERT_EQ(brute_force_next(expression, -1, 4102444800), 4102444800) << expression.text;
      continue;
    }
    SCOPED_TRACE(expression.text);
    auto after = any_time(random);
    if (i % 3 == 0) after = 1577836800 + after % (15 * 365 * kDay);
    for (int step = 0; step < 3; ++step) {
      const auto end = std::min<std::time_t>(after - after % kDay + 1500 * kDay, 4102444800);
      const auto expected = brute_force_next(expression, after, end);
      const auto next = schedule->next(at(after), Zone::utc());
      if (expected == end) {
        ASSERT_TRUE(!next || *next >= at(end)) << "after " << format_utc(at(after)) << ": " << format_utc(*next);
        break;
      }
      ASSERT_EQ(next, at(expected)) << "after " << format_utc(at(after));
      after = expected;
      ++found;
    }
  }
  EXPECT_GT(found, 3000);
}

TEST(Calendar, DescribesEveryExpression) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 2'000; ++i) {
    const RandomExpression expression(random, {.seconds = i % 2 == 0});
    const auto schedule = Schedule::parse(expression.text);
    if (!schedule) continue;
    const auto words = schedule->describe();
    EXPECT_TRUE(words.starts_with("every ") || words.starts_with("at ")) << words;
    EXPECT_EQ(words.find("  "), std::string::npos) << words;
    EXPECT_EQ(words.find(" on in"), std::string::npos) << words;
    EXPECT_NE(words.back(), ' ') << words;
  }
}

// Most of these are refused; none may do harm, and what is taken has to keep going forward.
TEST(Calendar, SurvivesExpressionsMadeOfScraps) {
  const std::string_view scraps[] = {"*",           "?",   "/",   "-",      ",",      "L",  "W",    "#",  " ",  " ",
                                     " ",           "0",   "1",   "5",      "7",      "12", "31",   "59", "60", "2026",
                                     "99999999999", "mon", "jan", "sunday", "@daily", "\t", "\xc3", "H"};
  std::mt19937_64 random(11);
  std::uniform_int_distribution<std::size_t> any(0, std::size(scraps) - 1);
  const auto zone = Zone::find("Europe/Berlin").value();
  for (int i = 0; i < 50'000; ++i) {
    std::string text = i % 2 == 0 ? "" : "* * ";
    for (std::size_t count = any(random); count > 0; --count) text += scraps[any(random)];
    const auto schedule = Schedule::parse(text);
    if (!schedule) {
      EXPECT_TRUE(schedule.error().where.starts_with("column "));
      continue;
    }
    const auto next = schedule->next(at(1795420800), zone);
    EXPECT_TRUE(!next || *next > at(1795420800)) << text;
    EXPECT_FALSE(schedule->describe().empty());
  }
}

}  // namespace
}  // namespace mig_runner::cron
