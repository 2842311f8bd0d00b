#include "daemon/configuration.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "base/file.h"
#include "base/file_status.h"
#include "config/bind.h"
#include "config/tree_layout.h"
#include "cron/zone.h"

namespace mig_runner::daemon {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxPassphraseBytes = 4096;

void mix(std::size_t& fingerprint, std::string_view text) {
  fingerprint = fingerprint * 31 + std::hash<std::string_view>()(text);
}

void mix_file_times(std::size_t& fingerprint, const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (!error) mix(fingerprint, std::to_string(time.time_since_epoch().count()));
}

config::Problem unreadable(const fs::path& path, const std::string& why, Retry retry) {
  config::Problem problem{path, 0, 0, why};
  problem.passes = retry != Retry::no && may_pass(path, Access::read);
  return problem;
}

// A file's first line: editors end the last line, and no passphrase of GnuPG holds a line break.
std::optional<sign::Secret> read_passphrase_file(const fs::path& path, std::vector<config::Problem>& problems) {
  auto text = read_file(path, kMaxPassphraseBytes);
  if (!text) {
    problems.push_back(unreadable(path, "the passphrase cannot be read: " + text.error().what, text.error().retry));
    return std::nullopt;
  }
  text->erase(std::min(text->find_first_of("\r\n"), text->size()));
  return sign::Secret(std::move(*text));
}

std::optional<std::string> read_config(const fs::path& path, const std::string& hint,
                                       std::vector<config::Problem>& problems) {
  auto text = read_file(path, kMaxConfigBytes);
  if (text) return std::move(*text);
  problems.push_back(unreadable(path, text.error().what + hint, text.error().retry));
  return std::nullopt;
}

}  // namespace

std::optional<sign::Secret> find_passphrase(const config::RunnerConfig& runner,
                                            std::vector<config::Problem>& problems) {
  if (!runner.passphrase.empty()) return sign::Secret(runner.passphrase);
  if (!runner.passphrasefile.empty()) return read_passphrase_file(runner.passphrasefile, problems);
  if (const char* text = std::getenv("MIGPGPPASSPHRASE"); text != nullptr && *text != '\0') return sign::Secret(text);
  if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY"); directory != nullptr) {
    const auto path = fs::path(directory) / "passphrase";
    const auto status = file_status(path, Symlinks::followed);
    if (!status || *status) return read_passphrase_file(path, problems);  // it tells why it cannot be read
  }
  return sign::Secret();
}

std::optional<ConfigurationFile<config::RunnerConfig>> read_runner_config(const fs::path& runner_cfg,
                                                                          std::vector<config::Problem>& problems) {
  auto text = read_config(runner_cfg, " (-c FILE names another configuration)", problems);
  if (!text) return std::nullopt;
  auto config = config::bind_runner_config(*text, runner_cfg, problems);
  if (const auto location = store_location(config); !location && !config::any_fatal(problems))
    problems.push_back({runner_cfg, 0, 0, "runner.store: " + location.error().text()});
  const auto& zone_name = config.job_defaults.timezone;
  if (const auto zone = cron::Zone::find(zone_name); !zone_name.empty() && !zone)
    problems.push_back({runner_cfg, config.timezone_line, config.timezone_column, zone.error().text()});
  return ConfigurationFile<config::RunnerConfig>{runner_cfg, std::move(*text), std::move(config)};
}

std::optional<ConfigurationFile<config::ClientConfig>> read_client_config(const config::RunnerConfig& runner,
                                                                          const fs::path& runner_cfg,
                                                                          std::vector<config::Problem>& problems) {
  const auto path = config::client_config_path(runner.clientconfpath);
  auto text = read_config(path, " (client.clientconfpath in " + runner_cfg.string() + " names it)", problems);
  if (!text) return std::nullopt;
  auto config = config::bind_client_config(*text, path, problems);
  return ConfigurationFile<config::ClientConfig>{path, std::move(*text), std::move(config)};
}

bool may_pass(const fs::path& file, Access wanted) {
  if (access(file.c_str(), wanted == Access::read ? R_OK : W_OK) == 0) return true;
  if (wanted == Access::write && errno == ENOENT && access(file.parent_path().c_str(), W_OK | X_OK) == 0) return true;
  return !means_absent(errno) && errno != EACCES && errno != EPERM && errno != ELOOP;
}

namespace {

LoadedConfiguration load_files(const fs::path& runner_cfg) {
  LoadedConfiguration loaded;
  auto& problems = loaded.problems;
  auto runner = read_runner_config(runner_cfg, problems);
  if (!runner || config::any_fatal(problems)) return loaded;
  auto client = read_client_config(runner->config, runner_cfg, problems);
  auto passphrase = find_passphrase(runner->config, problems);
  if (!client || !passphrase || config::any_fatal(problems)) return loaded;

  Configuration configuration;
  for (const std::string_view text :
       {std::string_view(runner->text), std::string_view(client->text), std::string_view(passphrase->reveal())})
    mix(configuration.fingerprint, text);
  // They may hold the passphrase, which stays in one place alone.
  for (auto* text : {&runner->text, &client->text, &runner->config.passphrase}) sign::wipe(*text);
  for (const char* name : {"secring.gpg", "pubring.kbx", "pubring.gpg", "private-keys-v1.d"})
    mix_file_times(configuration.fingerprint, client->config.gpg_home / name);
  configuration.runner = std::move(runner->config);
  configuration.client = std::move(client->config);
  configuration.passphrase = std::move(*passphrase);
  loaded.value = std::move(configuration);
  return loaded;
}

}  // namespace

LoadedConfiguration load_configuration(const fs::path& runner_cfg) {
  auto loaded = load_files(runner_cfg);
  const auto stays = [](const config::Problem& problem) { return problem.fatal && !problem.passes; };
  if (!loaded.value && std::none_of(loaded.problems.begin(), loaded.problems.end(), stays)) loaded.retry = Retry::later;
  return loaded;
}

Result<store::Location> store_location(const config::RunnerConfig& runner) {
  return store::Location::parse(runner.store, config::database_in(runner.directory));
}

log::Settings log_settings(const config::LoggingConfig& config) {
  using From = config::LoggingConfig::Mode;
  using To = log::Settings::Mode;
  log::Settings settings;
  switch (config.mode) {
    case From::standard_output:
      settings.mode = To::standard_output;
      break;
    case From::standard_error:
      settings.mode = To::standard_error;
      break;
    case From::file:
      settings.mode = To::file;
      break;
    case From::syslog:
      settings.mode = To::syslog;
      break;
    case From::journal:
      settings.mode = To::journal;
      break;
  }
  settings.level = static_cast<log::Level>(config.level);
  settings.file = config.file;
  settings.max_file_bytes = config.maxfilesize;
  settings.host = config.host;
  settings.port = static_cast<std::uint16_t>(config.port);
  settings.tcp = config.protocol == "tcp";
  settings.facility = config.facility;
  return settings;
}

}  // namespace mig_runner::daemon
