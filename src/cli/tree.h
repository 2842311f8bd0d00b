#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/runner_config.h"
#include "config/tree_layout.h"
#include "spool/job.h"

namespace mig_runner::cli {

// The operator's tree as the commands read it, each file when it is asked for.
class Tree {
 public:
  // Reads runner.cfg; warnings about it are left to `check`.
  static Result<Tree> open(const std::filesystem::path& runner_cfg);

  const config::RunnerConfig& config() const { return config_; }
  std::filesystem::path runners() const { return config::runners_in(config_.directory); }
  // In the order of their names; files, hidden directories and lost+found are left out.
  Result<std::vector<std::string>> job_names() const;
  // An Error, with the nearest name, where there is no such job; all that is wrong with one that is broken.
  Result<spool::JobPtr> job(const std::string& name) const;
  // From the client configuration, whatever else is wrong with it.
  Result<std::map<std::string, std::string>> macros() const;

 private:
  Tree(std::filesystem::path runner_cfg, config::RunnerConfig config);

  std::filesystem::path runner_cfg_;
  config::RunnerConfig config_;
};

// The names of the directories in `runners`, as Tree::job_names, but for those that hold results alone.
Result<std::vector<std::string>> job_directories(const std::filesystem::path& runners);
// "there is no job NAME" and the nearest one.
std::string no_such_job(const std::string& name, const std::vector<std::string>& names);

}  // namespace mig_runner::cli
