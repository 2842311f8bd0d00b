#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "log/log.h"
#include "spool/spool.h"

namespace mig_runner::daemon {

struct LogLine {
  log::Level level;
  std::string text;
  bool operator==(const LogLine&) const = default;
};

// Changes in the spool, as the log tells them. One line tells of all jobs that cannot be read, or can be read again.
std::vector<LogLine> spool_report(const std::vector<spool::Change>& changes, bool at_start,
                                  std::chrono::milliseconds between_scans);

}  // namespace mig_runner::daemon
