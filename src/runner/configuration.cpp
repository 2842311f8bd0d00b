#include "runner/configuration.h"

#include <cstdlib>
#include <functional>
#include <string_view>

#include "base/file.h"

namespace mig_runner::runner {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxPassphraseBytes = 4096;

void append(std::vector<config::Problem>& all, std::vector<config::Problem> more) {
  for (auto& problem : more) all.push_back(std::move(problem));
}

void mix(std::size_t& fingerprint, std::string_view text) {
  fingerprint = fingerprint * 31 + std::hash<std::string_view>()(text);
}

void mix_file_times(std::size_t& fingerprint, const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (!error) mix(fingerprint, std::to_string(time.time_since_epoch().count()));
}

// A file's first line: editors end the last line, and no passphrase of GnuPG holds a line break.
std::optional<sign::Secret> read_passphrase_file(const fs::path& path, std::vector<config::Problem>& problems) {
  auto text = read_file(path, kMaxPassphraseBytes);
  if (!text) {
    problems.push_back({path, 0, 0, "the passphrase cannot be read: " + text.error().what});
    return std::nullopt;
  }
  text->erase(std::min(text->find_first_of("\r\n"), text->size()));
  return sign::Secret(std::move(*text));
}

std::optional<sign::Secret> find_passphrase(const config::RunnerConfig& config,
                                            std::vector<config::Problem>& problems) {
  if (!config.passphrase.empty()) return sign::Secret(config.passphrase);
  if (!config.passphrasefile.empty()) return read_passphrase_file(config.passphrasefile, problems);
  if (const char* text = std::getenv("MIGPGPPASSPHRASE"); text != nullptr && *text != '\0') return sign::Secret(text);
  if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY"); directory != nullptr) {
    const auto path = fs::path(directory) / "passphrase";
    std::error_code error;
    if (fs::exists(path, error)) return read_passphrase_file(path, problems);
  }
  return sign::Secret();
}

std::optional<std::string> read_config(const fs::path& path, const std::string& hint,
                                       std::vector<config::Problem>& problems) {
  auto text = read_file(path, kMaxConfigBytes);
  if (text) return std::move(*text);
  problems.push_back({path, 0, 0, text.error().what + hint});
  return std::nullopt;
}

}  // namespace

LoadedConfiguration load_configuration(const fs::path& runner_cfg) {
  LoadedConfiguration loaded;
  auto& problems = loaded.problems;
  Configuration configuration;

  const auto runner_text = read_config(runner_cfg, " (-c FILE names another configuration)", problems);
  if (!runner_text) return loaded;
  auto runner = config::parse_runner_config(*runner_text, runner_cfg);
  append(problems, std::move(runner.problems));
  if (!runner.value) return loaded;

  const auto client_path = config::client_config_path(runner.value->clientconfpath);
  const auto client_text =
      read_config(client_path, " (client.clientconfpath in " + runner_cfg.string() + " names it)", problems);
  if (!client_text) return loaded;
  auto client = config::parse_client_config(*client_text, client_path);
  append(problems, std::move(client.problems));
  auto passphrase = find_passphrase(*runner.value, problems);
  if (!client.value || !passphrase) return loaded;

  for (const auto& text : {*runner_text, *client_text, passphrase->reveal()}) mix(configuration.fingerprint, text);
  for (const char* name : {"secring.gpg", "pubring.kbx", "pubring.gpg", "private-keys-v1.d"})
    mix_file_times(configuration.fingerprint, client.value->gpg_home / name);
  configuration.runner = std::move(*runner.value);
  configuration.client = std::move(*client.value);
  configuration.passphrase = std::move(*passphrase);
  loaded.value = std::move(configuration);
  return loaded;
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

}  // namespace mig_runner::runner
