#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cron/zone.h"

namespace mig_runner::cron {

// Seconds since 1970-01-01 00:00, either of UTC or of a wall clock read as if it were UTC.
using Seconds = std::int64_t;

// What clocks show for a while.
struct LocalType {
  std::int32_t offset = 0;  // seconds east of UTC
  std::string abbreviation;

  bool operator==(const LocalType&) const = default;
};

// From `at` (UTC) on clocks show `type`.
struct Change {
  Seconds at = 0;
  LocalType type;
};

// A zone as a line of periods without gaps, each of one offset; the first begins before, and the last ends after, any
// time that counts.
struct Zone::Rules {
  struct Period {
    Seconds begin = 0;  // UTC
    Seconds end = 0;    // UTC, exclusive
    LocalType type;

    Seconds local_begin() const { return begin + type.offset; }
    Seconds local_end() const { return end + type.offset; }
    bool operator==(const Period&) const = default;
  };

  // Changes may come in any order; of two at the same instant the later in the list holds.
  Rules(std::string zone_name, LocalType first, std::vector<Change> changes);

  // The index of the period that holds the instant.
  std::size_t period_at(Seconds utc) const;

  bool operator==(const Rules& other) const { return name == other.name && periods == other.periods; }

  std::string name;
  std::vector<Period> periods;
  // reach[i]: the first wall clock time that is not yet reached when period i ends. Never falls, whatever clocks do.
  std::vector<Seconds> reach;

 private:
  std::vector<Seconds> begins_;  // apart from the periods, so that the search stays within a few cache lines
};

const std::shared_ptr<const Zone::Rules>& utc_rules();

// The last year that schedules know; changes of zones are worked out to the end of the next one.
inline constexpr int kLastYear = 2099;

}  // namespace mig_runner::cron
