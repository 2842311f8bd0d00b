#pragma once

#include <atomic>
#include <chrono>

namespace mig_runner {

// Signs of life of a thread, by which another can tell one that works for long from one that is stuck. Code that waits
// or works for long calls note_progress() with every step that cannot take long itself.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // The calling thread's note_progress() are this one's from now on; it outlives the thread's work.
  void follow_this_thread();
  void note() { last_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed); }
  Clock::time_point last() const { return Clock::time_point(Clock::duration(last_.load(std::memory_order_relaxed))); }

 private:
  std::atomic<Clock::rep> last_ = 0;
};

// Does nothing on a thread that nobody follows.
void note_progress();

}  // namespace mig_runner
