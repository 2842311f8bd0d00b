#include "log/log.h"

#include <unistd.h>

#include <array>

#include "log/sinks.h"

namespace mig_runner::log {

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 8> kNames{"emerg",   "alert",  "crit", "err",
                                                   "warning", "notice", "info", "debug"};
  return kNames.at(static_cast<std::size_t>(level));
}

Result<std::unique_ptr<Log>> Log::open(const Settings& settings, const Clock& clock) {
  switch (settings.mode) {
    case Settings::Mode::standard_output:
      return make_stream_log(settings.level, STDOUT_FILENO, clock);
    case Settings::Mode::standard_error:
      return make_stream_log(settings.level, STDERR_FILENO, clock);
    case Settings::Mode::file:
      return make_file_log(settings, clock);
    case Settings::Mode::syslog:
      return make_syslog_log(settings, clock);
    case Settings::Mode::journal:
      return make_journal_log(settings.level);
  }
  return fail("unknown kind of log");
}

}  // namespace mig_runner::log
