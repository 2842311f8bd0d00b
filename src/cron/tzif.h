#pragma once

#include <string>
#include <string_view>

#include "cron/zone_rules.h"

namespace mig_runner::cron {

// Reads a compiled zone file (TZif of version 2 or later, RFC 8536) and carries its last rule on to the year 2100.
// Refuses files that count leap seconds ("right/.."), since the rest of the world does not. `where` of an Error is
// empty.
Result<Zone::Rules> read_tzif(std::string zone_name, std::string_view bytes);

}  // namespace mig_runner::cron
