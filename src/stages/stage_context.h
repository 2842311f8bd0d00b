#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/clock.h"
#include "config/job_config.h"
#include "config/tree_layout.h"
#include "log/log.h"
#include "stages/job_registry.h"
#include "stages/outage.h"
#include "stages/own_launches.h"
#include "store/run_store.h"

namespace mig_runner::stages {

// What the configuration files say to the stages. Immutable while they run.
struct StageSettings {
  std::filesystem::path directory;   // root of the runner's tree
  config::JobSettings job_defaults;  // for runs whose job is gone
  std::map<std::string, std::string> macros;
  std::chrono::milliseconds delay_results{0};
  std::int64_t max_launches_per_minute = 600;
  int page_size = 1000;
  int parallel_pages = 4;
  bool compress_results = false;

  std::filesystem::path job_directory(const std::string& job) const { return config::runners_in(directory) / job; }
  // Where results lie that were collected while the database was away, until they are recorded.
  std::filesystem::path unrecorded_results() const { return config::state_in(directory) / "collected"; }
};

// What every stage works with. All outlive the stages and are safe from any thread.
struct StageContext {
  const StageSettings& settings;
  JobRegistry& jobs;
  store::RunStore& store;
  log::Log& log;
  OwnLaunches& launches;
  Outages& outages;

  // What the members of a group agree on, whatever their clocks say: the database's time.
  Timestamp group_time(Timestamp now) const {
    const auto* const group = store.group();
    return group != nullptr ? now - group->clock_ahead() : now;
  }

  // The settings of a run's job, or the defaults where the job is gone.
  config::JobSettings job_settings(const std::string& job) const {
    const auto found = jobs.find(job);
    return found ? found->config.settings : settings.job_defaults;
  }
};

}  // namespace mig_runner::stages
