#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace mig_runner::mig {

// What the wire has where a time is not set.
inline constexpr std::string_view kNoTime = "0001-01-01T00:00:00Z";

// A time of the wire: finer than a Timestamp, so the text is kept beside it for whoever has to echo it.
struct WireTime {
  Timestamp instant{std::chrono::sys_days{std::chrono::year{1} / 1 / 1}};
  std::string text = std::string(kNoTime);  // RFC 3339 as Go writes it: no zero ends a fraction, Z for +00:00
};

WireTime wire_time(Timestamp instant);
Result<WireTime> parse_wire_time(std::string_view text);

}  // namespace mig_runner::mig
