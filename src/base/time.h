#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_runner {

// UTC, milliseconds since 1970-01-01, as stored and compared everywhere.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// "2026-11-23T08:00:00Z"; a fraction only where it is not zero ("..:00.25Z"), as Go's RFC3339Nano. Years 0 to 9999.
std::string format_utc(Timestamp time);

// RFC 3339 with any offset and any number of fraction digits; what is finer than a millisecond is cut off.
Result<Timestamp> parse_rfc3339(std::string_view text);

// A duration as Go's time.ParseDuration reads it ("1h30m", "-1.5h", "300ms", "0"); errors say what is wrong.
Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

// "1h30m0s", as Go's Duration.String.
std::string format_go_duration(std::chrono::nanoseconds duration);

}  // namespace mig_runner
