#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/client_config.h"
#include "config/problem.h"
#include "config/runner_config.h"
#include "sign/signer.h"
#include "spool/job.h"

// What `check` and `list` look at. Nothing here changes anything. Private to the room.
namespace mig_runner::cli {

using Problems = std::vector<config::Problem>;

// The runner's two configurations, the key and the tree's directories. What could be read is there, whatever is wrong.
struct ConfigurationCheck {
  std::optional<config::RunnerConfig> runner;
  std::optional<config::ClientConfig> client;
  std::optional<sign::Key> key;
  Problems problems;
};
ConfigurationCheck check_configuration(const std::filesystem::path& runner_cfg, Timestamp now);

// What jobs are checked against.
struct JobCheckContext {
  std::filesystem::path runners;
  std::filesystem::path plugins;
  config::JobSettings defaults;
  std::optional<std::map<std::string, std::string>> macros;  // none: not known
  Timestamp now;
};
// After check_configuration: a mistake in the defaults is told there, once.
JobCheckContext job_check_context(const config::RunnerConfig& runner, const std::optional<config::ClientConfig>& client,
                                  Timestamp now);

// The job where nothing about its two files is fatal, whatever is wrong beside them.
config::Checked<spool::Job> check_job(const JobCheckContext& context, const std::string& name);

// What parses and is still no action that does anything. `text` is what `file` holds; a text that cannot be parsed is
// passed over.
void check_action(const std::filesystem::path& file, std::string_view text,
                  const std::optional<std::map<std::string, std::string>>& macros, Problems& problems);

void check_plugin(const std::filesystem::path& plugins, const std::string& name,
                  const std::filesystem::path& entity_cfg, Problems& problems);

// An Error where that cannot be told.
Result<bool> directory_exists(const std::filesystem::path& path);

// Nothing is said of what is not there.
void refuse_readable_by_others(const std::filesystem::path& path, std::string_view secret, Problems& problems);

}  // namespace mig_runner::cli
