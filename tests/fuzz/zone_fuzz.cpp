#include "cron/zone.h"
#include "fuzz/target.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(zone) {
  const auto zone = cron::Zone::find(bytes);
  if (!zone) return require(!zone.error().what.empty(), "a refusal says why");
  const auto text = zone->format_local(parse_rfc3339("2026-11-23T08:00:00Z").value());
  require(text.starts_with("20"), "a local time is a time");
}

}  // namespace mig_runner::fuzz
