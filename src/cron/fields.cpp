#include "cron/fields.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace mig_runner::cron {
namespace {

constexpr Seconds kSecondsADay = 86400;
constexpr unsigned kNone = 64;

// The lowest set bit at or above `from`, else `none`.
unsigned next_bit(std::uint64_t bits, unsigned from) {
  if (from >= 64) return kNone;
  return static_cast<unsigned>(std::countr_zero(bits & (~std::uint64_t{0} << from)));
}

// A set of week days as a set of days of a month that begins with week day `first`, of which 7 from bit 0.
std::uint32_t week_from(std::uint8_t week_days, unsigned first) {
  const std::uint32_t twice = week_days | static_cast<std::uint32_t>(week_days) << 7;
  return twice >> first & 0x7f;
}

bool is_weekend(unsigned first_week_day, unsigned day) {
  const unsigned week_day = (first_week_day + day) % 7;
  return week_day == 0 || week_day == 6;
}

// All days here count from 0; `length` is how many the month has.
std::uint32_t last_weekday(unsigned first_week_day, unsigned length) {
  unsigned day = length - 1;
  while (is_weekend(first_week_day, day)) --day;
  return std::uint32_t{1} << day;
}

std::uint32_t nearest_weekday(unsigned first_week_day, unsigned length, unsigned day) {
  if (day >= length) return 0;
  const unsigned week_day = (first_week_day + day) % 7;
  if (week_day == 6) day = day == 0 ? 2 : day - 1;
  if (week_day == 0) day = day + 1 == length ? day - 2 : day + 1;
  return std::uint32_t{1} << day;
}

std::uint32_t fitting_month_days(const Fields& fields, unsigned first_week_day, unsigned length) {
  std::uint32_t days = fields.month_days >> 1;
  if (fields.last_day) days |= std::uint32_t{1} << (length - 1);
  if (fields.last_weekday) days |= last_weekday(first_week_day, length);
  for (std::uint32_t rest = fields.nearest_weekdays; rest != 0; rest &= rest - 1) {
    days |= nearest_weekday(first_week_day, length, static_cast<unsigned>(std::countr_zero(rest)) - 1);
  }
  return days;
}

std::uint32_t fitting_week_days(const Fields& fields, unsigned first_week_day, unsigned length) {
  std::uint32_t days = week_from(fields.week_days, first_week_day) * 0x10204081;  // the same in each of five weeks
  if (fields.last_week_days != 0) {
    days |= week_from(fields.last_week_days, (first_week_day + length) % 7) << (length - 7);
  }
  for (unsigned week = 0; week < fields.nth_week_days.size(); ++week) {
    days |= week_from(fields.nth_week_days[week], first_week_day) << (7 * week);
  }
  return days;
}

// The first second of a day that fits and is not before `from`; none where the day has no more.
std::optional<Seconds> first_time_of_day(const Fields& fields, unsigned from) {
  unsigned hour = from / 3600;
  unsigned minute = from / 60 % 60;
  unsigned second = from % 60;
  if ((fields.hours >> hour & 1) != 0) {
    if ((fields.minutes >> minute & 1) != 0) second = next_bit(fields.seconds, second);
    if ((fields.minutes >> minute & 1) == 0 || second == kNone) {
      second = next_bit(fields.seconds, 0);
      minute = next_bit(fields.minutes, minute + 1);
    }
  }
  if ((fields.hours >> hour & 1) == 0 || minute == kNone) {
    second = next_bit(fields.seconds, 0);
    minute = next_bit(fields.minutes, 0);
    hour = next_bit(fields.hours, hour + 1);
  }
  if (hour == kNone) return std::nullopt;
  return (hour * 60 + minute) * 60 + second;
}

constexpr Seconds day_number(int year, unsigned month) {
  return std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} / 1}.time_since_epoch().count();
}

}  // namespace

std::uint32_t Fields::days_of(int year, unsigned month) const {
  using namespace std::chrono;
  const sys_days first{std::chrono::year{year} / std::chrono::month{month} / 1};
  const unsigned first_week_day = weekday{first}.c_encoding();
  const unsigned length =
      unsigned{year_month_day_last{std::chrono::year{year} / std::chrono::month{month} / last}.day()};
  const std::uint32_t by_date = fitting_month_days(*this, first_week_day, length);
  const std::uint32_t by_week = fitting_week_days(*this, first_week_day, length);
  const std::uint32_t days = month_days_restricted && week_days_restricted ? by_date | by_week : by_date & by_week;
  return days & ~std::uint32_t{0} >> (32 - length);
}

std::optional<Seconds> Fields::first_match(Seconds from) const {
  using namespace std::chrono;
  constexpr Seconds kBegin = day_number(kFirstYear, 1) * kSecondsADay;
  constexpr Seconds kEnd = day_number(kLastYear + 1, 1) * kSecondsADay;
  from = std::max(from, kBegin);
  if (from >= kEnd) return std::nullopt;

  const Seconds today = from / kSecondsADay;
  const year_month_day date{sys_days{days{today}}};
  int year = static_cast<int>(date.year());
  unsigned month = unsigned{date.month()};
  unsigned day = unsigned{date.day()} - 1;
  const auto year_fits = [&] { return years[static_cast<std::size_t>(year - kFirstYear)]; };

  if (year_fits() && (months >> month & 1) != 0) {
    const std::uint32_t fitting = days_of(year, month);
    if ((fitting >> day & 1) != 0) {
      if (const auto time = first_time_of_day(*this, static_cast<unsigned>(from % kSecondsADay))) {
        return today * kSecondsADay + *time;
      }
    }
    if (const unsigned later = next_bit(fitting, day + 1); later != kNone) {
      return (today + later - day) * kSecondsADay + *first_time_of_day(*this, 0);
    }
  }
  for (;;) {
    month = year_fits() ? next_bit(months, month + 1) : kNone;
    while (month == kNone) {
      if (++year > kLastYear) return std::nullopt;
      if (year_fits()) month = next_bit(months, 1);
    }
    if (const std::uint32_t fitting = days_of(year, month); fitting != 0) {
      const Seconds first_fitting = day_number(year, month) + next_bit(fitting, 0);
      return first_fitting * kSecondsADay + *first_time_of_day(*this, 0);
    }
  }
}

}  // namespace mig_runner::cron
