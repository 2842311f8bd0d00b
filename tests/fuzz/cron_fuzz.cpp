#include "cron/schedule.h"
#include "cron/zone.h"
#include "fuzz/target.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(cron) {
  static const cron::Zone berlin = cron::Zone::find("CET-1CEST,M3.5.0,M10.5.0/3").value();
  const auto schedule = cron::Schedule::parse(bytes);
  if (!schedule) return require(!schedule.error().what.empty(), "a refusal says why");
  require(!schedule->describe().empty(), "a schedule has words");
  auto after = parse_rfc3339("2026-03-28T20:00:00Z").value();
  const auto from = after;
  for (int i = 0; i < 20; ++i) {
    const auto next = schedule->next(after, berlin);
    if (!next) return;
    require(*next > after, "the next time is strictly later");
    after = *next;
  }
  require(schedule->latest(from, after, berlin) == after, "latest() is the last of next()");
}

}  // namespace mig_runner::fuzz
