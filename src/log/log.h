#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace mig_runner::log {

// Syslog severities.
enum class Level { emerg, alert, crit, err, warning, notice, info, debug };

// "emerg" .. "debug".
std::string_view level_name(Level level);

struct Settings {
  enum class Mode { standard_output, standard_error, file, syslog, journal };
  Mode mode = Mode::standard_output;
  Level level = Level::info;   // what is less severe is dropped
  std::filesystem::path file;  // mode file: appended to; made with mode 0600; may be a FIFO or a device
  std::int64_t max_file_bytes =
      0;                   // 0: never rotate; else a regular FILE becomes FILE.1 before it would grow past this
  std::string host;        // mode syslog: RFC 5424 over udp (one datagram a message) or tcp (octet counting,
  std::uint16_t port = 0;  //   RFC 6587); connects again by itself
  bool tcp = false;
  int facility = 3;
};

// Where messages go. Safe from any thread. Control characters and line breaks in a message are escaped (\n, \x1b): one
// message is one line. Nothing here waits for a sink: a thread of the log writes what is queued (log/queued_log.h). A
// sink that fails (full disk, server away) never ends or blocks the program; it says so on standard error once until it
// works again.
class Log {
 public:
  // `clock` stamps the messages and outlives the log.
  static Result<std::unique_ptr<Log>> open(const Settings& settings, const Clock& clock);
  // Writes what is queued, if that can be done within half a second.
  virtual ~Log() = default;

  virtual bool enabled(Level level) const = 0;
  virtual void write(Level level, std::string_view message) = 0;
  // After SIGHUP: closes and opens the file (moved away by logrotate), reconnects.
  virtual void reopen() = 0;
  // Waits until what was written before is out, at most for `longest`.
  virtual void flush(std::chrono::milliseconds /*longest*/) {}

  void error(std::string_view message) { write(Level::err, message); }
  void warning(std::string_view message) { write(Level::warning, message); }
  void notice(std::string_view message) { write(Level::notice, message); }
  void info(std::string_view message) { write(Level::info, message); }
  void debug(std::string_view message) { write(Level::debug, message); }
};

}  // namespace mig_runner::log
