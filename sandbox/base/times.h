#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mig_sandbox {

using mig_runner::Result;
using mig_runner::Timestamp;

// Microseconds since 1970-01-01 UTC: as fine as the real server's database keeps a time.
using Micros = std::int64_t;

// What the server writes for a time that has not come (finish of what is running, destruction of an agent), for one
// that is unknown, and where an answer leaves a time out.
extern const Micros kNever;    // 9998-01-11T11:11:11Z
extern const Micros kLongAgo;  // 0009-01-11T11:11:11Z
inline constexpr std::string_view kNoTime = "0001-01-01T00:00:00Z";

Micros to_micros(Timestamp time);
Timestamp to_timestamp(Micros time);

// RFC 3339 as Go writes it: no zero ends the fraction.
std::string format_micros(Micros time);
// The same with all six digits of the fraction: such texts compare as the times do.
std::string fixed_width(Micros time);
// RFC 3339 of any precision, rounded to the microsecond as PostgreSQL does.
Result<Micros> parse_micros(std::string_view text);

}  // namespace mig_sandbox
