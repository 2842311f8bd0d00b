#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "config/job_config.h"
#include "config/problem.h"

namespace mig_runner::config {

struct LoggingConfig {
  enum class Mode { standard_output, standard_error, file, syslog, journal };  // stdout stderr file syslog journal
  Mode mode = Mode::standard_output;
  int level = 6;                 // syslog severity: emerg 0 .. debug 7
  std::filesystem::path file;    // mode file
  std::int64_t maxfilesize = 0;  // bytes; 0: never rotate
  std::string host;              // mode syslog
  std::int64_t port = 0;
  std::string protocol;  // "udp" or "tcp"
  int facility = 3;      // syslog facility number; 3 = daemon
};

enum class Compression { none, zstd };  // of result files

// runner.cfg.
struct RunnerConfig {
  std::filesystem::path directory;  // required, absolute or relative to the working directory
  std::string store;  // where runs are kept: empty or "sqlite", or a libpq URI; may hold a password: secret
  milliseconds lease = std::chrono::seconds(30);  // with PostgreSQL: how long a silent runner keeps its claims
  milliseconds checkdirectory = std::chrono::seconds(30);
  std::int64_t maxlaunchesperminute = 600;
  std::int64_t maxplugins = 4;
  Compression compressresults = Compression::none;
  JobSettings job_defaults;
  int timezone_line = 0;  // where the value of job_defaults.timezone stands; 0 where the file has none
  int timezone_column = 0;
  LoggingConfig logging;
  std::string clientconfpath = "default";  // as written; client_config_path() resolves it
  std::string passphrase;                  // secret: never in a message
  std::filesystem::path passphrasefile;
  milliseconds delayresults{0};
  std::int64_t parallelfetches = 4;  // pages asked for at the same time
  std::int64_t pagesize = 1000;      // commands a page
};

// The client configuration's path: `default` is $HOME/.migrc, the account's home where HOME is unset.
std::filesystem::path client_config_path(const std::string& clientconfpath);

}  // namespace mig_runner::config
