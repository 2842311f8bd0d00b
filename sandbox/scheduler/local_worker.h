#pragma once

#include <deque>
#include <stop_token>

#include "base/mutex.h"
#include "sandbox/scheduler/agent_seam.h"
#include "sandbox/scheduler/scheduler.h"

namespace mig_sandbox {

// Runs the commands of the agent on this machine, one after the other, away from the threads that answer requests.
// push() is safe from any thread; the others belong to one.
class LocalWorker {
 public:
  // `world` outlives this.
  LocalWorker(const World& world, LocalAgent::Run run);

  void push(LocalJob job);
  // Runs the oldest job, cut short where `stop` is requested; false when there is none.
  bool run_next(const std::stop_token& stop);
  // Waits for work until there is some or `stop` is requested.
  void wait(const std::stop_token& stop);

 private:
  void run(const LocalJob& job, const std::stop_token& stop);

  World world_;
  LocalAgent::Run run_;
  mig_runner::Mutex mutex_;
  mig_runner::Condition filled_;
  std::deque<LocalJob> queue_ GUARDED_BY(mutex_);
};

}  // namespace mig_sandbox
