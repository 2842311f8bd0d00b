#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cron/zone_rules.h"

namespace mig_runner::cron {

// A zone's rule for all years, as POSIX writes it in TZ and a TZif file at its end: "CET-1CEST,M3.5.0,M10.5.0/3".
// Hours may go from -167 to 167 (RFC 8536). Source: POSIX.1, "Other Environment Variables".
struct PosixTz {
  struct YearDay {
    enum class Kind { month_week_day, julian_without_leap_day, day_of_year } kind = Kind::month_week_day;
    int month = 1;
    int week = 1;     // 5: the last
    int day = 0;      // of the week (0 Sunday) or of the year
    int time = 7200;  // seconds after midnight on the clocks that are about to change

    // Wall clock seconds of the change in that year.
    Seconds in_year(int year) const;
  };
  struct Daylight {
    LocalType type;
    YearDay begin;
    YearDay end;
  };

  LocalType standard;
  std::optional<Daylight> daylight;

  // A text that names a daylight time without saying when it applies is refused: what it means is not defined.
  static Result<PosixTz> parse(std::string_view text);

  // The changes of the years from `first_year` to `final_year`.
  std::vector<Change> changes(int first_year, int final_year) const;
};

}  // namespace mig_runner::cron
