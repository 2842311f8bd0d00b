#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "cron/zone.h"

namespace mig_runner::cron {

struct Fields;

// A cron expression: 5 to 7 fields or an @nickname, as docs/configuration.md describes them. Cheap to copy, immutable,
// safe from any thread. Pure: no clock in here.
class Schedule {
 public:
  // Refuses what the grammar does not allow, reversed ranges, empty list members and expressions that never fire; the
  // Error names the field and what would be right; `where` is the 1-based column in `expression` ("column 5").
  static Result<Schedule> parse(std::string_view expression);

  // The first time strictly later than `after`, in `zone`; nullopt when there is none up to the year 2099. At a change
  // of the offset: an interval schedule (second, minute or hour beginning with * or ?) fires at every real instant
  // whose local time matches; any other fires once, at the first instant after the gap for a skipped time and at the
  // first pass of a repeated one. Takes a few microseconds at worst.
  std::optional<Timestamp> next(Timestamp after, const Zone& zone) const;

  // The last time at or before `at` and later than `after`; nullopt when there is none. For catch-up after a pause of
  // any length; takes as long as some 30 calls of next().
  std::optional<Timestamp> latest(Timestamp after, Timestamp at, const Zone& zone) const;

  // In words, for people: "every 5 minutes", "at 02:30 on Mondays".
  std::string describe() const;

 private:
  explicit Schedule(std::shared_ptr<const Fields> fields) : fields_(std::move(fields)) {}
  std::shared_ptr<const Fields> fields_;
};

}  // namespace mig_runner::cron
