#include "config/runner_config.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "config/bind.h"

namespace mig_runner::config {
namespace {

using namespace std::chrono_literals;

const std::vector<std::pair<std::string_view, int>> kLevels{{"emerg", 0},   {"alert", 1},  {"crit", 2}, {"err", 3},
                                                            {"warning", 4}, {"notice", 5}, {"info", 6}, {"debug", 7}};

// RFC 5424, section 6.2.1, by their usual names.
const std::vector<std::pair<std::string_view, int>> kFacilities{
    {"kern", 0},    {"user", 1},    {"mail", 2},    {"daemon", 3},    {"auth", 4},    {"syslog", 5},  {"lpr", 6},
    {"news", 7},    {"uucp", 8},    {"cron", 9},    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21},   {"local6", 22}, {"local7", 23}};

void bind_logging(Binder& binder, LoggingConfig& logging) {
  constexpr std::string_view kSection = "logging";
  using Mode = LoggingConfig::Mode;
  binder.choice<Mode>(kSection, "mode", logging.mode,
                      {{"stdout", Mode::standard_output},
                       {"stderr", Mode::standard_error},
                       {"file", Mode::file},
                       {"syslog", Mode::syslog},
                       {"journal", Mode::journal}});
  binder.choice<int>(kSection, "level", logging.level, kLevels);
  std::string file;
  binder.text(kSection, "file", file);
  logging.file = file;
  binder.integer(kSection, "maxfilesize", logging.maxfilesize, 0, INT64_MAX);
  binder.text(kSection, "host", logging.host);
  binder.integer(kSection, "port", logging.port, 1, 65535);
  binder.choice<std::string>(kSection, "protocol", logging.protocol, {{"udp", "udp"}, {"tcp", "tcp"}});
  binder.choice<int>(kSection, "facility", logging.facility, kFacilities);

  const auto* mode = binder.last(kSection, "mode");
  if (logging.mode == Mode::file && logging.file.empty())
    binder.problem(*mode, "mode file needs a file: file = \"/var/log/mig-runner.log\"");
  if (logging.mode != Mode::syslog) return;
  std::string missing;
  const auto need = [&](bool there, const std::string& name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + name;
  };
  need(!logging.host.empty(), "host");
  need(logging.port > 0, "port");
  need(!logging.protocol.empty(), "protocol");
  if (!missing.empty()) binder.problem(*mode, "mode syslog also needs " + missing);
}

void bind_client(Binder& binder, RunnerConfig& config) {
  constexpr std::string_view kSection = "client";
  binder.text(kSection, "clientconfpath", config.clientconfpath);
  if (config.clientconfpath.empty()) config.clientconfpath = "default";
  binder.text(kSection, "passphrase", config.passphrase);
  std::string passphrasefile;
  binder.text(kSection, "passphrasefile", passphrasefile);
  config.passphrasefile = passphrasefile;
  if (const auto* delay = binder.last(kSection, "delayresults"); delay != nullptr && !delay->value.empty())
    binder.duration(kSection, "delayresults", config.delayresults, 0s);
  binder.integer(kSection, "parallelfetches", config.parallelfetches, 1, 64);
  binder.integer(kSection, "pagesize", config.pagesize, 1, 100'000);
}

void bind_store(Binder& binder, RunnerConfig& config) {
  constexpr std::string_view kSection = "runner";
  binder.text(kSection, "store", config.store);
  const auto& store = config.store;
  const bool known =
      store.empty() || store == "sqlite" || store.starts_with("postgresql://") || store.starts_with("postgres://");
  if (!known)  // it may hold a password: not shown
    binder.problem(*binder.last(kSection, "store"), "store must be sqlite or \"postgresql://USER@HOST/DATABASE\"");
}

std::filesystem::path home() {
  if (const char* directory = std::getenv("HOME"); directory != nullptr && *directory != '\0') return directory;
  const passwd* account = getpwuid(getuid());
  return account != nullptr && account->pw_dir != nullptr ? account->pw_dir : "/";
}

}  // namespace

RunnerConfig bind_runner_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known) {
  constexpr std::string_view kSection = "runner";
  RunnerConfig config;
  Binder binder(text, file, problems);
  const bool readable = binder.readable();
  std::string directory;
  binder.text(kSection, "directory", directory);
  config.directory = directory;
  if (readable && directory.empty())
    binder.problem("there is no directory: [runner] needs directory = \"/var/lib/mig-runner\" or the like");
  bind_store(binder, config);
  binder.duration(kSection, "lease", config.lease, 2s);
  std::int64_t seconds = config.checkdirectory / 1s;
  binder.integer(kSection, "checkdirectory", seconds, 1, 86'400);
  // What is out of range has its problem; here it must only fit into milliseconds.
  config.checkdirectory = std::clamp<std::int64_t>(seconds, -1, 86'400) * 1s;
  binder.integer(kSection, "maxlaunchesperminute", config.maxlaunchesperminute, 1, 1'000'000);
  binder.integer(kSection, "maxplugins", config.maxplugins, 1, 1024);
  binder.choice<Compression>(kSection, "compressresults", config.compressresults,
                             {{"none", Compression::none}, {"zstd", Compression::zstd}});
  bind_job_settings(binder, kSection, config.job_defaults);
  if (const auto* timezone = binder.last(kSection, "timezone"); timezone != nullptr) {
    config.timezone_line = timezone->value_line;
    config.timezone_column = timezone->value_column;
  }
  bind_logging(binder, config.logging);
  bind_client(binder, config);
  binder.finish(known);
  return config;
}

std::filesystem::path client_config_path(const std::string& clientconfpath) {
  return clientconfpath == "default" ? home() / ".migrc" : std::filesystem::path(clientconfpath);
}

}  // namespace mig_runner::config
