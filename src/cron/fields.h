#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cron/zone_rules.h"

namespace mig_runner::cron {

inline constexpr int kFirstYear = 1970;
inline constexpr std::size_t kYearCount = kLastYear - kFirstYear + 1;

// What an expression says. A set of numbers is a set of bits: bit n stands for the number n, where nothing else is
// said.
struct Fields {
  std::uint64_t seconds = 0;
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;

  std::uint32_t month_days = 0;                 // 1 to 31
  std::uint32_t nearest_weekdays = 0;           // nW: the day from Monday to Friday nearest to day n, in the same month
  bool last_day = false;                        // L
  bool last_weekday = false;                    // LW: the last day from Monday to Friday
  std::uint32_t months = 0;                     // 1 to 12
  std::uint8_t week_days = 0;                   // 0 Sunday to 6
  std::uint8_t last_week_days = 0;              // nL: the last such day of the month
  std::array<std::uint8_t, 5> nth_week_days{};  // n#k: bit n of [k - 1]
  std::bitset<kYearCount> years;                // from kFirstYear

  // A field that does not contain * or ? restricts days. Two that do add up; else a day has to fit both fields.
  bool month_days_restricted = false;
  bool week_days_restricted = false;
  // Second, minute or hour begins with * or ?: see Schedule::next.
  bool interval = false;

  // The days of a month that fit; bit 0 stands for the 1st.
  std::uint32_t days_of(int year, unsigned month) const;

  // The first wall clock time at or after `from` that fits, in a year from kFirstYear to kLastYear.
  std::optional<Seconds> first_match(Seconds from) const;
};

// `where` of an Error is "column N".
Result<Fields> parse_fields(std::string_view expression);

// Fields in words, as Schedule::describe promises.
std::string describe_fields(const Fields& fields);

}  // namespace mig_runner::cron
