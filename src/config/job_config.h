#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace mig_runner::config {

using std::chrono::milliseconds;

enum class CatchUp { skip, latest };   // nominal times missed while nobody could launch them
enum class Overlap { allow, forbid };  // a due run while an earlier one of the job is not collected
enum class CollectWhen { expiry, completed };

// What may stand in [configuration] of entity.cfg and, as a default for all jobs, in [runner] of runner.cfg.
struct JobSettings {
  std::string timezone;  // tz database name; empty: TZ, else the machine's
  CatchUp catchup = CatchUp::skip;
  milliseconds startdeadline = std::chrono::hours(1);  // after the nominal time; then the run is missed
  Overlap overlap = Overlap::allow;
  milliseconds splay{0};  // upper bound of the job's fixed offset
  bool enabled = true;
  std::int64_t retries = -1;  // launch tries after the first; -1: until startdeadline
  CollectWhen collect = CollectWhen::expiry;
  milliseconds collectdeadline = std::chrono::hours(24);  // after the expiry
  std::int64_t pluginretries = 10;  // failures of the plugin after the first before the run is undeliverable
  milliseconds plugintimeout = std::chrono::minutes(5);
  std::int64_t keepresults_count = 0;  // newest result files kept; 0: all   ("keepresults = 30")
  milliseconds keepresults_age{0};     // 0: for ever; the two may be joined ("keepresults = 30, 720h")
};

// entity.cfg.
struct JobConfig {
  std::string schedule;     // the text; the cron room parses it
  int schedule_line = 0;    // where its value stands, for messages of the cron room
  int schedule_column = 0;  // column of the first byte of the value (behind an opening quote)
  int timezone_line = 0;    // the same for the timezone; 0 where the file has none
  int timezone_column = 0;
  std::string plugin;  // file name in plugins/, or empty; never with '/', '..', a leading dot or control characters
  milliseconds expiry = std::chrono::minutes(5);  // > 0
  bool sendonly = false;
  JobSettings settings;  // `defaults` overridden by what the file says
};

}  // namespace mig_runner::config
