#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "log/log.h"
#include "spool/spool.h"

namespace mig_runner::runner {

struct LogLine {
  log::Level level;
  std::string text;
  bool operator==(const LogLine&) const = default;
};

// What the log tells of changes in the spool. Of many jobs that cannot be read, or can be read again, one line speaks.
std::vector<LogLine> spool_report(const std::vector<spool::Change>& changes, bool at_start,
                                  std::chrono::milliseconds between_scans);

}  // namespace mig_runner::runner
