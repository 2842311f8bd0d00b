#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/hex.h"
#include "base/text.h"
#include "cli/check_access.h"
#include "cli/checks.h"
#include "config/tree_layout.h"
#include "cron/zone.h"
#include "daemon/configuration.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

bool require_directory(const fs::path& directory, const std::string& missing, Problems& problems) {
  const auto there = directory_exists(directory);
  if (!there || !*there) problems.push_back({directory, 0, 0, there ? missing : there.error().what});
  return there && *there;
}

void check_directories(const config::RunnerConfig& runner, const fs::path& runner_cfg, Problems& problems) {
  const auto& directory = runner.directory;
  if (directory.empty()) return;  // told by config
  if (!require_directory(directory, "there is no such directory (runner.directory in " + runner_cfg.string() + ")",
                         problems))
    return;
  if (directory.is_relative())
    problems.push_back({runner_cfg, 0, 0,
                        "runner.directory is relative: which directory it is depends on where the runner is started",
                        false});
  const auto runners = config::runners_in(directory);
  require_directory(runners, "there is no such directory: there are no jobs", problems);
}

// That of jobs which name none, nor runner.cfg for them.
void check_local_zone(const config::RunnerConfig& runner, Problems& problems) {
  if (!runner.job_defaults.timezone.empty()) return;
  if (const auto zone = cron::Zone::local(); !zone) problems.push_back({zone.error().where, 0, 0, zone.error().what});
}

void check_log(const config::LoggingConfig& logging, const fs::path& runner_cfg, Problems& problems) {
  if (logging.mode != config::LoggingConfig::Mode::file || logging.file.empty()) return;
  std::error_code error;
  const auto directory = fs::absolute(logging.file, error).parent_path();
  if (const auto there = directory_exists(directory); !there) {
    problems.push_back({directory, 0, 0, there.error().what});
  } else if (!*there) {
    problems.push_back({runner_cfg, 0, 0, "there is no directory " + directory.string() + " for logging.file"});
  }
}

// Requests, and with them tokens or the API key, in clear text over a network.
void check_transport(const config::ClientConfig& client, const fs::path& client_cfg, Problems& problems) {
  const auto url = lower(client.api_url);
  constexpr std::string_view kClear = "http://";
  if (url.starts_with(kClear)) {
    const auto host = url.substr(kClear.size());
    const std::array<std::string_view, 3> here{"localhost", "127.", "[::1]"};
    if (std::none_of(here.begin(), here.end(), [&](auto name) { return host.starts_with(name); }))
      problems.push_back(
          {client_cfg, 0, 0, "api.url is not https: what is sent can be read and changed on its way", false});
  }
  if (client.skipverifycert)
    problems.push_back({client_cfg, 0, 0, "api.skipverifycert: anybody on the way can pretend to be the API", false});
}

void check_secrets(const config::RunnerConfig& runner, const fs::path& runner_cfg, Problems& problems) {
  if (!runner.passphrase.empty()) refuse_readable_by_others(runner_cfg, "the key's passphrase", problems);
  if (runner.passphrasefile.empty()) return;
  if (!runner.passphrase.empty())
    problems.push_back({runner_cfg, 0, 0, "client.passphrasefile is not read, since client.passphrase is set", false});
  refuse_readable_by_others(runner.passphrasefile, "the key's passphrase", problems);
}

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

// Within a home that is closed to others the modes of its files count for nothing.
void check_keyring(const fs::path& home, Problems& problems) {
  const auto home_mode = mode_of(home);
  if ((home_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  problems.push_back({home, 0, 0, "others than its owner have access to the keyring: chmod 700", false});
  for (const auto* name : {"secring.gpg", "private-keys-v1.d"})
    if ((mode_of(home / name) & S_IROTH) != 0 && (home_mode & S_IXOTH) != 0)
      problems.push_back({home / name, 0, 0, "everybody may read the private keys: chmod go-rwx"});
}

// The record of runs decides what is collected and delivered.
void check_database(const config::RunnerConfig& runner, const fs::path& runner_cfg, Problems& problems) {
  const auto location = daemon::store_location(runner);
  if (!location) return;
  if (auto warning = location->unverified_server(); !warning.empty())
    problems.push_back({runner_cfg, 0, 0, "runner.store: " + warning, false});
}

std::optional<sign::Key> load_key(const config::RunnerConfig& runner, const config::ClientConfig& client,
                                  const fs::path& client_cfg, Timestamp now, Problems& problems) {
  check_keyring(client.gpg_home, problems);
  const auto passphrase = daemon::find_passphrase(runner, problems);
  const bool usable_id = client.keyid.size() == 40 && is_hex(client.keyid);
  if (!passphrase || !usable_id) return std::nullopt;
  auto key = sign::Key::load(client.gpg_home, client.keyid, *passphrase, now);
  if (!key) {
    problems.push_back({client_cfg, 0, 0, "the key cannot be used: " + key.error().text()});
    return std::nullopt;
  }
  for (const auto& warning : key->warnings()) problems.push_back({client_cfg, 0, 0, warning, false});
  return std::move(*key);
}

}  // namespace

ConfigurationCheck check_configuration(const fs::path& runner_cfg, Timestamp now) {
  ConfigurationCheck check;
  auto& problems = check.problems;
  auto file = daemon::read_runner_config(runner_cfg, problems);
  if (!file) return check;
  const auto& runner = check.runner.emplace(std::move(file->config));
  check_directories(runner, runner_cfg, problems);
  check_local_zone(runner, problems);
  check_log(runner.logging, runner_cfg, problems);
  check_secrets(runner, runner_cfg, problems);
  check_storage(runner, problems);
  check_database(runner, runner_cfg, problems);

  auto client_file = daemon::read_client_config(runner, runner_cfg, problems);
  if (!client_file) return check;
  const auto& client_cfg = client_file->path;
  const auto& client = check.client.emplace(std::move(client_file->config));
  if (!client.useapikeyauth.empty()) refuse_readable_by_others(client_cfg, "an API key", problems);
  check_transport(client, client_cfg, problems);
  check.key = load_key(runner, client, client_cfg, now, problems);
  return check;
}

}  // namespace mig_runner::cli
