#pragma once

#include <thread>

#include "base/file.h"
#include "log/log.h"
#include "store/run_store.h"

namespace mig_runner::daemon {

// Sees to it that a process that was asked to end does so, also where its threads wait for a database server that does
// not answer, for a lock on the record, or for a disk. Ending like that is like being killed: what is stored stays, and
// the next start, or another member once the lease has ended, goes on with it.
class ShutdownWatchdog {
 public:
  // How long what is under way may take to end by itself; from then on no call waits long for the database.
  static constexpr std::chrono::milliseconds kGracePeriod{2000};
  // How long after that the process is ended: not everything can be cut short, such as making a connection.
  static constexpr std::chrono::milliseconds kLastResort{2500};

  // Watches for SIGTERM and SIGINT, which are blocked already (Wakeups), with a thread of its own. `store` may be null;
  // all outlive this.
  static Result<std::unique_ptr<ShutdownWatchdog>> begin(log::Log& log, store::RunStore* store);
  ~ShutdownWatchdog();
  ShutdownWatchdog(const ShutdownWatchdog&) = delete;
  ShutdownWatchdog& operator=(const ShutdownWatchdog&) = delete;

 private:
  ShutdownWatchdog(log::Log& log, store::RunStore* store, UniqueFd signals, UniqueFd stop);
  void run();
  bool stopped_within(std::chrono::milliseconds time) const;

  log::Log& log_;
  store::RunStore* const store_;
  const UniqueFd signals_;
  const UniqueFd stop_;  // readable once this is to end
  std::jthread thread_;
};

}  // namespace mig_runner::daemon
