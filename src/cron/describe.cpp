#include <fmt/core.h>

#include <bit>
#include <optional>
#include <vector>

#include "cron/fields.h"

namespace mig_runner::cron {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kWeekDayNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonthNames[] = {"January", "February", "March",     "April",   "May",      "June",
                                            "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kNthNames[] = {"first", "second", "third", "fourth", "fifth"};

constexpr std::uint64_t all_below(unsigned count) {
  return (std::uint64_t{1} << count) - 1;
}

std::vector<int> numbers_of(std::uint64_t bits) {
  std::vector<int> numbers;
  for (; bits != 0; bits &= bits - 1) numbers.push_back(std::countr_zero(bits));
  return numbers;
}

// "a", "a and b", "a, b and c".
std::string joined(const Words& words, std::string_view last_joint = "and") {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? fmt::format(" {} ", last_joint) : ", ";
    text += words[i];
  }
  return text;
}

// Three and more in a row become "a to b".
template <class Name>
Words in_runs(const std::vector<int>& numbers, Name name) {
  Words words;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (end - i >= 3) {
      words.push_back(fmt::format("{} to {}", name(numbers[i]), name(numbers[end - 1])));
      i = end;
    } else {
      words.push_back(name(numbers[i++]));
    }
  }
  return words;
}

std::string number(int value) {
  return fmt::format("{}", value);
}

std::string ordinal(int value) {
  const bool teen = value / 10 == 1;
  const char* ending = value % 10 == 1 && !teen   ? "st"
                       : value % 10 == 2 && !teen ? "nd"
                       : value % 10 == 3 && !teen ? "rd"
                                                  : "th";
  return fmt::format("{}{}", value, ending);
}

// "every 7th minute from 0 to 56": shorter than a list of five and more.
template <class Name>
std::optional<std::string> stepped(const std::vector<int>& numbers, std::string_view unit, Name name) {
  if (numbers.size() < 5 || numbers[1] - numbers[0] < 2) return std::nullopt;
  const int step = numbers[1] - numbers[0];
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] - numbers[i - 1] != step) return std::nullopt;
  }
  return fmt::format("every {} {} from {} to {}", ordinal(step), unit, name(numbers.front()), name(numbers.back()));
}

// n where the set is 0, n, 2n.. up to `span` and n divides it, so that n is the pause between any two.
std::optional<int> even_step(std::uint64_t bits, int span) {
  const auto numbers = numbers_of(bits);
  const auto count = static_cast<int>(numbers.size());
  if (count < 2 || span % count != 0) return std::nullopt;
  const int step = span / count;
  for (int i = 0; i < count; ++i) {
    if (numbers[static_cast<std::size_t>(i)] != i * step) return std::nullopt;
  }
  return step;
}

std::string every(int step, std::string_view unit) {
  return step == 1 ? fmt::format("every {}", unit) : fmt::format("every {} {}s", step, unit);
}

// "minute 5", "minutes 5 and 10", "every minute".
std::string values(std::uint64_t bits, unsigned span, std::string_view unit) {
  if (bits == all_below(span)) return every(1, unit);
  const auto numbers = numbers_of(bits);
  if (const auto words = stepped(numbers, unit, number)) return *words;
  return fmt::format("{}{} {}", unit, numbers.size() == 1 ? "" : "s", joined(in_runs(numbers, number)));
}

// An interval, where that is all there is to say about the time of day.
std::optional<std::string> interval_words(const Fields& fields) {
  const bool every_hour = fields.hours == all_below(24);
  const bool every_minute = fields.minutes == all_below(60);
  if (fields.seconds != 1) {
    const auto step = even_step(fields.seconds, 60);
    if (step && every_minute && every_hour) return every(*step, "second");
    return std::nullopt;
  }
  if (every_hour) {
    if (const auto step = even_step(fields.minutes, 60)) return every(*step, "minute");
  }
  if (std::has_single_bit(fields.minutes)) {
    if (const auto step = even_step(fields.hours, 24)) {
      const int minute = std::countr_zero(fields.minutes);
      return every(*step, "hour") + (minute == 0 ? "" : fmt::format(" at minute {}", minute));
    }
  }
  return std::nullopt;
}

// "at 02:15 and 02:45", where these are few.
std::optional<std::string> clock_words(const Fields& fields) {
  constexpr int kMost = 6;
  const int count = std::popcount(fields.hours) * std::popcount(fields.minutes);
  if (count > kMost || !std::has_single_bit(fields.seconds)) return std::nullopt;
  const int second = std::countr_zero(fields.seconds);
  Words words;
  for (int hour : numbers_of(fields.hours)) {
    for (int minute : numbers_of(fields.minutes)) {
      words.push_back(fmt::format("{:02}:{:02}", hour, minute));
      if (second != 0) words.back() += fmt::format(":{:02}", second);
    }
  }
  return "at " + joined(words);
}

std::string time_words(const Fields& fields) {
  if (auto words = interval_words(fields)) return *words;
  if (auto words = clock_words(fields)) return *words;
  const std::string minutes = values(fields.minutes, 60, "minute");
  const bool seconds_lead = fields.seconds != 1;
  const auto step = even_step(seconds_lead ? fields.seconds : fields.minutes, 60);
  std::string text = step           ? every(*step, seconds_lead ? "second" : "minute")
                     : seconds_lead ? "at " + values(fields.seconds, 60, "second")
                                    : "at " + minutes;
  if (seconds_lead) text += " of " + minutes;
  return text + " of " + values(fields.hours, 24, "hour");
}

Words month_day_words(const Fields& fields) {
  const auto days = numbers_of(fields.month_days);
  const auto in_steps = stepped(days, "day", [](int day) { return "the " + ordinal(day); });
  Words words = in_steps ? Words{} : in_runs(days, ordinal);
  for (auto& word : words) word = "the " + word;
  if (in_steps) words.push_back(*in_steps);
  for (int day : numbers_of(fields.nearest_weekdays)) {
    words.push_back(fmt::format("the weekday nearest to the {}", ordinal(day)));
  }
  if (fields.last_day) words.push_back("the last day of the month");
  if (fields.last_weekday) words.push_back("the last weekday of the month");
  return words;
}

Words week_day_words(const Fields& fields) {
  // The week begins on Monday, so that "Mondays to Fridays" and "Fridays to Sundays" are runs.
  const auto monday_first = static_cast<std::uint64_t>(fields.week_days >> 1 | (fields.week_days & 1) << 6);
  Words words = in_runs(numbers_of(monday_first), [](int day) {
    return fmt::format("{}s", kWeekDayNames[static_cast<std::size_t>(day + 1) % 7]);
  });
  const auto add = [&](std::string_view which, std::uint8_t days) {
    for (int day : numbers_of(days)) {
      words.push_back(fmt::format("the {} {} of the month", which, kWeekDayNames[static_cast<std::size_t>(day)]));
    }
  };
  for (std::size_t week = 0; week < fields.nth_week_days.size(); ++week) {
    add(kNthNames[week], fields.nth_week_days[week]);
  }
  add("last", fields.last_week_days);
  return words;
}

// Empty where every day fits.
std::string day_words(const Fields& fields) {
  const bool all_month_days = fields.month_days >> 1 == all_below(31);
  const bool all_week_days = fields.week_days == all_below(7);
  if (fields.month_days_restricted && fields.week_days_restricted) {
    if (all_month_days || all_week_days) return "";
    return fmt::format(" on {}, and on {}", joined(month_day_words(fields)), joined(week_day_words(fields)));
  }
  if (!all_month_days) return " on " + joined(month_day_words(fields));
  if (!all_week_days) return " on " + joined(week_day_words(fields));
  return "";
}

std::string month_words(const Fields& fields) {
  if (fields.months >> 1 == all_below(12)) return "";
  const auto name = [](int month) { return std::string(kMonthNames[static_cast<std::size_t>(month - 1)]); };
  return " in " + joined(in_runs(numbers_of(fields.months), name));
}

std::string year_words(const Fields& fields) {
  if (fields.years.all()) return "";
  std::vector<int> years;
  for (std::size_t i = 0; i < kYearCount; ++i) {
    if (fields.years[i]) years.push_back(kFirstYear + static_cast<int>(i));
  }
  return " in " + stepped(years, "year", number).value_or(joined(in_runs(years, number)));
}

}  // namespace

std::string describe_fields(const Fields& fields) {
  const auto time = time_words(fields);
  auto day = day_words(fields);
  if (day.empty() && time.starts_with("at ") && fields.hours != all_below(24)) day = " every day";
  return time + day + month_words(fields) + year_words(fields);
}

}  // namespace mig_runner::cron
