#pragma once

#include <memory>

#include "log/log.h"

// One function for each kind of destination. Private to the room.
namespace mig_runner::log {

std::unique_ptr<Log> make_stream_log(Level level, int fd, const Clock& clock);
Result<std::unique_ptr<Log>> make_file_log(const Settings& settings, const Clock& clock);
std::unique_ptr<Log> make_syslog_log(const Settings& settings, const Clock& clock);
Result<std::unique_ptr<Log>> make_journal_log(Level level);

}  // namespace mig_runner::log
