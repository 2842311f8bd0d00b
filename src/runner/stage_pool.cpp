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
    changed_.notify_all();
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
    const auto now = clock_.now();
    if (wake && *wake <= now) continue;
    std::unique_lock lock(mutex_);
    const auto rung = [&] { return rings_ != seen; };
    if (wake) {
      changed_.wait_for(lock, stop, *wake - now, rung);
    } else {
      changed_.wait(lock, stop, rung);
    }
  }
}

void StagePool::ring() {
  const std::lock_guard lock(mutex_);
  ++rings_;
  changed_.notify_all();
}

void StagePool::request_stop() {
  for (auto& thread : threads_) thread.request_stop();
}

bool StagePool::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [&] { return running_ == 0; });
}

}  // namespace mig_runner::runner
