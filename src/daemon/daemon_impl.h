#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemon/configuration.h"
#include "daemon/daemon.h"
#include "daemon/engine.h"
#include "daemon/group_watch.h"
#include "daemon/service_manager.h"
#include "daemon/shutdown_watchdog.h"
#include "daemon/switchable_log.h"
#include "daemon/wakeups.h"
#include "spool/spool.h"
#include "stages/adoption.h"
#include "stages/fault_latch.h"
#include "stages/job_registry.h"
#include "stages/planner.h"
#include "store/tree_lock.h"

namespace mig_runner::daemon {

// One thread: the loop's, which also starts and reloads.
struct Daemon::Impl {
  Impl(std::filesystem::path config_path, Configuration the_configuration, Wakeups the_wakeups,
       std::shared_ptr<log::Log> sink, store::TreeLock the_lock, std::unique_ptr<store::RunStore> the_store)
      : path(std::move(config_path)),
        configuration(std::move(the_configuration)),
        wakeups(std::move(the_wakeups)),
        log(std::move(sink)),
        lock(std::move(the_lock)),
        store(std::move(the_store)) {}
  // While the end is watched: all that may wait for the store.
  ~Impl() {
    planner.reset();
    engine.reset();
    store->close();
  }

  Result<bool> start_stages(const sign::Key& key);
  Result<void> start_watchdog();
  Result<void> start_engine(const sign::Key& key);
  Result<void> start_planner();
  Result<bool> reload();
  void apply(const std::vector<spool::Change>& changes, bool at_start);
  bool follow_zones();
  void report_writers(const spool::Job& job);
  Result<void> follow_pauses();
  bool follow_pauses_again();
  void look_at_store();
  void look_at_state();
  void clock_was_set();
  void bring_forward();
  std::string status() const;
  Result<void> loop();

  Timestamp now() const { return system_clock().now(); }

  std::filesystem::path path;
  Configuration configuration;
  Wakeups wakeups;
  Wakeups::Events missed;  // while the start waited
  SwitchableLog log;
  store::TreeLock lock;
  std::unique_ptr<store::RunStore> store;
  bool store_unseen = false;     // not all of it could be read at the last look
  bool clock_to_follow = false;  // by runs that wait, since the clock was set
  stages::FaultLatch pauses_trouble, clock_trouble, state_trouble;
  stages::Adoption adoption;
  stages::Outages outages;                      // also over a reload
  std::set<std::filesystem::path> told_places;  // that others may write to
  stages::JobRegistry jobs;
  GroupWatch group{*store, jobs, configuration.runner.directory, log, std::chrono::steady_clock::now()};
  ServiceManager service_manager;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<stages::Planner> planner;
  std::unique_ptr<ShutdownWatchdog> shutdown_watchdog;
};

}  // namespace mig_runner::daemon
