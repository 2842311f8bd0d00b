#pragma once

#include <chrono>
#include <memory>

#include "daemon/configuration.h"
#include "sign/signer.h"
#include "stages/stage_context.h"

namespace mig_runner::daemon {

// The threads that launch, collect and deliver, and what they share. Built for one configuration; a new configuration
// is a new engine over the same store. Its functions are called by the loop's thread.
class Engine {
 public:
  struct World {  // all outlive the engine
    stages::JobRegistry& jobs;
    store::RunStore& store;
    log::Log& log;
    const Clock& clock;
    stages::Outages& outages;
  };

  // Starts the threads, which wait for begin().
  static Result<std::unique_ptr<Engine>> start(const Configuration& configuration, const sign::Key& key, World world);
  // Ends the threads: what is under way has kGrace to end by itself, then requests and plugins are cut short; the store
  // knows what was not finished.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  static constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(2);

  const stages::StageContext& context() const;
  // The jobs are known now: a run whose job is not among them is taken for one whose job is gone.
  void begin();
  // All threads look at the clock and the store again: the clock was set, jobs have changed, the database is back.
  void wake_all();
  // Others may have made runs claimable: as many threads look as there is work for. An Error where that cannot be
  // asked.
  Result<void> look_for_work();
  // False where a thread is stuck (StagePool::works), which is told once.
  bool works(std::chrono::steady_clock::time_point now);

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_runner::daemon
