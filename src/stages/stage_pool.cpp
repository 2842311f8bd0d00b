#include "stages/stage_pool.h"

#include <algorithm>

namespace mig_runner::stages {

StagePool::~StagePool() {
  request_stop();
}

void StagePool::add(Step step) {
  Worker* worker = nullptr;
  {
    const MutexLock lock(mutex_);
    ++running_;
    worker = &workers_.emplace_back();
  }
  threads_.emplace_back([this, worker, step = std::move(step)](const std::stop_token& stop) {
    loop(*worker, step, stop);
    const MutexLock lock(mutex_);
    --running_;
    ended_.notify_all();
  });
}

void StagePool::loop(Worker& worker, const Step& step, const std::stop_token& stop) {
  worker.progress.follow_this_thread();
  while (!stop.stop_requested()) {
    unsigned seen = 0;
    {
      const MutexLock lock(mutex_);
      seen = wakes_;
    }
    worker.progress.note();
    worker.in_step = true;
    const auto wake = step(clock_.now());
    worker.in_step = false;
    if (wake && *wake <= clock_.now()) continue;
    MutexLock lock(mutex_);
    if (wakes_ != seen) continue;
    dismiss_relief();
    sleep(lock, stop, wake);
    appoint_relief();
  }
}

void StagePool::sleep(MutexLock& lock, const std::stop_token& stop, std::optional<Timestamp> wake) {
  Sleeper sleeper;
  sleeper.wake = wake;
  sleepers_.insert(&sleeper);
  while (!sleeper.is_woken && !stop.stop_requested()) {
    const auto until = sleeper.until();
    if (until && *until <= clock_.now()) break;
    const auto changed = [&] { return sleeper.is_woken || sleeper.until() != until; };
    if (until) {
      sleeper.bell.wait_until(lock, stop, *until, changed);
    } else {
      sleeper.bell.wait(lock, stop, changed);
    }
  }
  sleepers_.erase(&sleeper);
}

// Others may have counted on this thread for a later time than the one that it woke for.
void StagePool::appoint_relief() {
  const auto at = clock_.now() + kSlowStep;
  const auto looks_by_then = [&](const Sleeper* sleeper) {
    return sleeper->is_woken || (sleeper->until() && *sleeper->until() <= at);
  };
  if (sleepers_.empty() || std::any_of(sleepers_.begin(), sleepers_.end(), looks_by_then)) return;
  auto* const sleeper = *sleepers_.begin();
  sleeper->relief = at;
  sleeper->relieved = std::this_thread::get_id();
  sleeper->bell.notify_one();
}

// This thread looks itself, or sleeps until it will.
void StagePool::dismiss_relief() {
  for (auto* const sleeper : sleepers_)
    if (sleeper->relieved == std::this_thread::get_id()) sleeper->relief.reset();
}

void StagePool::wake() {
  const MutexLock lock(mutex_);
  ++wakes_;
  for (auto* const sleeper : sleepers_) {
    sleeper->is_woken = true;
    sleeper->bell.notify_one();
  }
}

void StagePool::wake(Timestamp when, int things) {
  const MutexLock lock(mutex_);
  ++wakes_;
  const auto in_time = [&](const Sleeper* sleeper) {
    return sleeper->is_woken || (sleeper->wake && *sleeper->wake <= when);
  };
  auto missing = things - std::count_if(sleepers_.begin(), sleepers_.end(), in_time);
  for (auto* const sleeper : sleepers_) {
    if (missing <= 0) return;
    if (in_time(sleeper)) continue;
    sleeper->is_woken = true;
    sleeper->bell.notify_one();
    --missing;
  }
}

bool StagePool::works(std::chrono::steady_clock::time_point now) const {
  const MutexLock lock(mutex_);
  return std::none_of(workers_.begin(), workers_.end(),
                      [&](const Worker& worker) { return worker.in_step && now - worker.progress.last() > kStuck; });
}

void StagePool::request_stop() {
  for (auto& thread : threads_) thread.request_stop();
}

bool StagePool::wait(std::chrono::steady_clock::time_point until) {
  MutexLock lock(mutex_);
  return ended_.wait_until(lock, until, [&]() REQUIRES(mutex_) { return running_ == 0; });
}

}  // namespace mig_runner::stages
