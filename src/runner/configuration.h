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

namespace mig_runner::runner {

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
};

// Reads runner.cfg, the client configuration it names and the passphrase: from client.passphrase, else
// client.passphrasefile, else the environment's MIGPGPPASSPHRASE, else the systemd credential `passphrase`.
LoadedConfiguration load_configuration(const std::filesystem::path& runner_cfg);

log::Settings log_settings(const config::LoggingConfig& config);

}  // namespace mig_runner::runner
