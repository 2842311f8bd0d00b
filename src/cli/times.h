#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "cron/zone.h"

namespace mig_runner::cli {

// How times are shown: in a zone ("2026-11-23 09:00:00 CET"), or as RFC 3339 in UTC.
class TimeFormat {
 public:
  static TimeFormat utc() { return {}; }
  static TimeFormat in(cron::Zone zone);
  // In the machine's zone, or in UTC if `utc`.
  static Result<TimeFormat> choose(bool utc);

  std::string text(Timestamp time) const;

 private:
  std::optional<cron::Zone> zone_;
};

// The two largest units of a span: "3d 4h", "5m 10s", "12s"; "now" for none. Negative spans as positive ones.
std::string span_text(std::chrono::milliseconds span);

// "in 3d 4h", "3d 4h ago", "now".
std::string relative_text(Timestamp time, Timestamp now);

}  // namespace mig_runner::cli
