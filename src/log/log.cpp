#include "log/log.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "log/queued_log.h"
#include "log/sinks.h"

namespace mig_runner::log {

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 8> kNames{"emerg",   "alert",  "crit", "err",
                                                   "warning", "notice", "info", "debug"};
  return kNames.at(static_cast<std::size_t>(level));
}

namespace {

Result<std::unique_ptr<Sink>> make_sink(const Settings& settings) {
  switch (settings.mode) {
    case Settings::Mode::standard_output:
      return make_stream_sink(STDOUT_FILENO);
    case Settings::Mode::standard_error:
      return make_stream_sink(STDERR_FILENO);
    case Settings::Mode::file:
      return make_file_sink(settings);
    case Settings::Mode::syslog:
      return make_syslog_sink(settings);
    case Settings::Mode::journal:
      return make_journal_sink();
  }
  return fail("unknown kind of log");
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const Settings& settings, const Clock& clock) {
  auto sink = make_sink(settings);
  if (!sink) return tl::unexpected(sink.error());
  return std::make_unique<QueuedLog>(settings.level, std::move(*sink), clock);
}

}  // namespace mig_runner::log
