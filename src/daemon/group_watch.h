#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "log/log.h"
#include "stages/fault_latch.h"
#include "stages/job_registry.h"
#include "store/run_store.h"

namespace mig_runner::daemon {

// A runner's place among those that share its store: tells them which jobs it has, and its operator what should be
// mended. Does nothing without a group. Belongs to the loop's thread.
class GroupWatch {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  // Runners whose clocks differ launch at different times; more than this should be mended.
  static constexpr std::chrono::seconds kClockTolerance{5};
  // How often runners compare their jobs: configuration management needs a while to reach all of them.
  static constexpr std::chrono::minutes kComparison{1};
  // How often jobs are looked at that this runner may not launch.
  static constexpr std::chrono::seconds kMending{5};
  // How many jobs that differ are told one by one: all differ while configuration management is half done.
  static constexpr int kMostTold = 10;

  // All outlive this. `directory`: the root of the runner's tree.
  GroupWatch(store::RunStore& store, stages::JobRegistry& jobs, std::filesystem::path directory, log::Log& log,
             Moment now);

  // The jobs are not what they were. Those that this runner may not launch (JobRegistry::objection) it leaves to
  // others, as if it did not have them. Where the database is away it is told at the next look().
  void tell_jobs();
  // To be called about twice a second. Warns, once each, where this runner's lease had ended, its clock is off, another
  // has the same name or the runners' jobs differ. True where stages should look again: others may have left work
  // without saying so.
  bool look(Moment now);

 private:
  void look_at_objections();
  bool look_at_clock();
  void look_for_namesakes();
  void compare_jobs();

  store::RunStore& store_;
  stages::JobRegistry& jobs_;
  const std::filesystem::path directory_;
  log::Log& log_;
  Moment next_comparison_;
  Moment next_mending_{};
  std::uint64_t term_ = 0;  // as the store told it last
  bool jobs_told_ = false;
  std::map<std::string, std::string> left_to_others_;  // jobs with their hashes, when it was told last
  stages::FaultLatch trouble_;                         // with telling them
  bool clock_off_ = false;                             // told of already
  bool clock_far_off_ = false;
  std::set<std::string> differing_jobs_;  // told of already
  // Members that say they work on this runner's tree, by their ids. One that was killed is still there for a while, but
  // what is left of its lease only becomes less.
  struct Namesake {
    std::chrono::milliseconds lease_left;  // at the last look
    bool alive = false;
  };
  std::map<std::string, Namesake> namesakes_;
  bool namesake_told_ = false;
};

}  // namespace mig_runner::daemon
