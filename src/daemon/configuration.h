#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/client_config.h"
#include "config/problem.h"
#include "config/runner_config.h"
#include "log/log.h"
#include "sign/secret.h"
#include "store/location.h"

namespace mig_runner::daemon {

// Everything the runner reads at start and after SIGHUP, beside the jobs.
struct Configuration {
  config::RunnerConfig runner;
  config::ClientConfig client;
  sign::Secret passphrase;      // empty: none is set
  std::size_t fingerprint = 0;  // changes when a file that was read, or the keyring, changes
};

struct LoadedConfiguration {
  std::optional<Configuration> value;  // there exactly when no problem is fatal
  std::vector<config::Problem> problems;
  // Retry::later: nothing is wrong but that a file could not be read for a reason that may pass.
  Retry retry = Retry::no;
};

// Reads runner.cfg, the client configuration it names and the passphrase: from client.passphrase, else
// client.passphrasefile, else the environment's MIGPGPPASSPHRASE, else the systemd credential `passphrase`.
LoadedConfiguration load_configuration(const std::filesystem::path& runner_cfg);

// Whether what kept a file from being opened may pass by itself, such as too few descriptors or a failing disk: not
// that it, or the directory for a new one, is missing or closed to this user.
enum class Access { read, write };
bool may_pass(const std::filesystem::path& file, Access access);

// A file and what can be used of it, whatever is wrong with it.
template <class Config>
struct ConfigurationFile {
  std::filesystem::path path;
  std::string text;
  Config config;
};

// The parts of load_configuration, for whoever needs less or wants to know everything that is wrong at once. Each adds
// to `problems`; nullopt: it cannot be read at all.
std::optional<ConfigurationFile<config::RunnerConfig>> read_runner_config(const std::filesystem::path& runner_cfg,
                                                                          std::vector<config::Problem>& problems);
std::optional<ConfigurationFile<config::ClientConfig>> read_client_config(const config::RunnerConfig& runner,
                                                                          const std::filesystem::path& runner_cfg,
                                                                          std::vector<config::Problem>& problems);
// Empty: none is set.
std::optional<sign::Secret> find_passphrase(const config::RunnerConfig& runner, std::vector<config::Problem>& problems);

// What runner.store says, and state/runs.db in the tree where it says nothing.
Result<store::Location> store_location(const config::RunnerConfig& runner);

log::Settings log_settings(const config::LoggingConfig& config);

}  // namespace mig_runner::daemon
