#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace mig_runner::runner {

// The threads of one stage. Each calls its step until there is nothing left to do at the moment and then sleeps until
// the time the step named or until ring().
class StagePool {
 public:
  // What a thread calls, with the time; returns when it wants to be called next, nullopt: only when rung.
  using Step = std::function<std::optional<Timestamp>(Timestamp)>;

  // `clock` outlives the pool.
  explicit StagePool(const Clock& clock) : clock_(clock) {}
  ~StagePool();

  void add(Step step);
  // Something may have become due, or the clock was set: every thread looks again. From any thread.
  void ring();
  // No step is begun any more.
  void request_stop();
  // Waits for the steps under way, at most until `until`. True when all have ended.
  bool wait(std::chrono::steady_clock::time_point until);

 private:
  void loop(const Step& step, const std::stop_token& stop);

  const Clock& clock_;
  std::mutex mutex_;  // guards rings_, running_
  std::condition_variable_any changed_;
  unsigned rings_ = 0;
  int running_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace mig_runner::runner
