#include "runner/stage_pool.h"

#include <algorithm>

namespace mig_runner::runner {

StagePool::~StagePool() {
  request_stop();
}

void StagePool::add(Step step) {
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  threads_.emplace_back([this, step = std::move(step)](const std::stop_token& stop) {
    loop(step, stop);
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  });
}

void StagePool::loop(const Step& step, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    unsigned seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = rings_;
    }
    const auto wake = step(clock_.now());
    if (wake && *wake <= clock_.now()) continue;
    std::unique_lock lock(mutex_);
    if (rings_ != seen) continue;
    Sleeper sleeper;
    sleeper.wake = wake;
    sleepers_.insert(&sleeper);
    const auto rung = [&] { return sleeper.rung; };
    if (wake) {
      sleeper.bell.wait_until(lock, stop, *wake, rung);
    } else {
      sleeper.bell.wait(lock, stop, rung);
    }
    sleepers_.erase(&sleeper);
  }
}

void StagePool::ring() {
  const std::lock_guard lock(mutex_);
  ++rings_;
  for (auto* const sleeper : sleepers_) {
    sleeper->rung = true;
    sleeper->bell.notify_one();
  }
}

void StagePool::ring(Timestamp when, int things) {
  const std::lock_guard lock(mutex_);
  ++rings_;
  const auto in_time = [&](const Sleeper* sleeper) {
    return sleeper->rung || (sleeper->wake && *sleeper->wake <= when);
  };
  auto missing = things - std::count_if(sleepers_.begin(), sleepers_.end(), in_time);
  for (auto* const sleeper : sleepers_) {
    if (missing <= 0) return;
    if (in_time(sleeper)) continue;
    sleeper->rung = true;
    sleeper->bell.notify_one();
    --missing;
  }
}

void StagePool::request_stop() {
  for (auto& thread : threads_) thread.request_stop();
}

bool StagePool::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, until, [&] { return running_ == 0; });
}

}  // namespace mig_runner::runner
