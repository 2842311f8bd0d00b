#include "cron/schedule.h"

#include <algorithm>
#include <limits>

#include "cron/fields.h"
#include "cron/zone_rules.h"

namespace mig_runner::cron {
namespace {

// Both searches look for the first instant at or after `from` and work in wall clock time, period by period.

// Every instant whose wall clock time fits counts, so each period is searched for itself. A search that went beyond the
// end of its period (to `found`) answers for the next ones too, where these begin between `searched_from` and `found`.
std::optional<Seconds> next_of_interval(const Fields& fields, const Zone::Rules& rules, Seconds from) {
  constexpr Seconds kNever = std::numeric_limits<Seconds>::max();
  std::size_t index = rules.period_at(from);
  Seconds searched_from = kNever;
  Seconds found = kNever;
  for (Seconds begin = from + rules.periods[index].type.offset;; begin = rules.periods[index].local_begin()) {
    if (begin < searched_from || begin > found) {
      searched_from = begin;
      found = fields.first_match(begin).value_or(kNever);
    }
    const auto& period = rules.periods[index];
    if (found < period.local_end()) return found - period.type.offset;
    if (++index == rules.periods.size()) return std::nullopt;
  }
}

// A time of day counts at the first instant at which the clocks have reached it: in a gap that is the gap's end, in a
// repeated hour its first pass. So the search begins behind the furthest that clocks had reached before `from`.
std::optional<Seconds> next_time_of_day(const Fields& fields, const Zone::Rules& rules, Seconds from) {
  std::size_t index = rules.period_at(from - 1);
  Seconds begin = from + rules.periods[index].type.offset;
  if (index > 0) begin = std::max(begin, rules.reach[index - 1]);
  const auto found = fields.first_match(begin);
  if (!found) return std::nullopt;
  while (rules.reach[index] <= *found) ++index;
  const auto& period = rules.periods[index];
  return std::max(period.begin, *found - period.type.offset);
}

Timestamp from_seconds(Seconds utc) {
  return Timestamp{std::chrono::seconds{utc}};
}

Seconds whole_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view expression) {
  auto fields = parse_fields(expression);
  if (!fields) return tl::unexpected(std::move(fields.error()));
  return Schedule(std::make_shared<const Fields>(std::move(*fields)));
}

std::optional<Timestamp> Schedule::next(Timestamp after, const Zone& zone) const {
  const Seconds from = whole_seconds(after) + 1;
  const auto found = fields_->interval ? next_of_interval(*fields_, zone.rules(), from)
                                       : next_time_of_day(*fields_, zone.rules(), from);
  if (!found) return std::nullopt;
  return from_seconds(*found);
}

std::optional<Timestamp> Schedule::latest(Timestamp after, Timestamp at, const Zone& zone) const {
  auto best = next(after, zone);
  if (!best || *best > at) return std::nullopt;
  // Halves the span that may hold a later time still: next() never falls, so one call tells on which side to look.
  Seconds low = whole_seconds(*best);
  Seconds high = whole_seconds(at);
  while (low < high) {
    const Seconds middle = low + (high - low) / 2;
    const auto later = next(from_seconds(middle), zone);
    if (later && *later <= at) {
      best = later;
      low = whole_seconds(*later);
    } else {
      high = middle;
    }
  }
  return best;
}

std::string Schedule::describe() const {
  return describe_fields(*fields_);
}

}  // namespace mig_runner::cron
