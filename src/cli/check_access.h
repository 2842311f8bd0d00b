#pragma once

#include <sys/types.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/file_access.h"
#include "base/time.h"
#include "cli/checks.h"
#include "cli/judged_user.h"
#include "stages/guarded_paths.h"

namespace mig_runner::cli {

// Finds the other users that may write to a path by which the runner posts or executes something. Each place is told
// once, however many jobs rest on it. The daemon judges by the same table and the same rule.
class OtherWriters {
 public:
  explicit OtherWriters(uid_t runner_user) : runner_user_(runner_user) {}

  // `job`: whose paths they are; empty: the configuration's.
  void look_at(const std::vector<stages::GuardedPath>& paths, const std::string& job = "");

  struct Found {
    config::Problem problem;
    std::string job;  // empty: it concerns several, or the configuration
  };
  std::vector<Found> found() const;

 private:
  struct Place {
    OtherWriter writer;
    std::string_view reach;
    bool of_configuration = false;
    std::set<std::string> jobs;
  };
  uid_t runner_user_;
  std::vector<Place> places_;
  Problems troubles_;  // what could not be looked at
};

// Finds the places where the daemon has to write and its user cannot.
void check_storage(const config::RunnerConfig& runner, Problems& problems);
void check_results_directory(const std::filesystem::path& job_directory, const JudgedUser& user, Timestamp now,
                             Problems& problems);

}  // namespace mig_runner::cli
