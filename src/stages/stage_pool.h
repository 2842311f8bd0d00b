#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/progress.h"

namespace mig_runner::stages {

// The threads of one stage. Each calls its step until there is nothing left to do at the moment and then sleeps until
// the time the step named or until wake(). Where a step takes longer than kSlowStep, one that sleeps looks in its place
// at what becomes due meanwhile.
class StagePool {
 public:
  static constexpr std::chrono::milliseconds kSlowStep{1000};
  // A step may take long (a plugin of an hour, a large result), but not so long without a sign of progress
  // (note_progress()): every wait of the stages is shorter, also where all threads wait for the record in turn.
  static constexpr std::chrono::minutes kStuck{5};

  // A thread calls it with the time. It returns when it wants to be called next; nullopt: only when woken.
  using Step = std::function<std::optional<Timestamp>(Timestamp)>;

  // `clock` outlives the pool and goes as the system's does, by which threads sleep.
  explicit StagePool(const Clock& clock) : clock_(clock) {}
  ~StagePool();

  void add(Step step);
  // Something may have become due, or the clock was set: every thread looks again. From any thread.
  void wake();
  // So many things become due at `when`: as many threads look again, but for those that will have looked by then. From
  // any thread.
  void wake(Timestamp when, int things);
  // False where a step has shown no progress for longer than kStuck: its thread waits for what may never come. From any
  // thread.
  bool works(std::chrono::steady_clock::time_point now) const;
  // No step is begun any more.
  void request_stop();
  // Waits for the steps under way, at most until `until`. True when all have ended.
  bool wait(std::chrono::steady_clock::time_point until);

 private:
  // A thread that sleeps; on its own stack.
  struct Sleeper {
    std::optional<Timestamp> wake;
    std::optional<Timestamp> relief;  // when it looks in place of the thread `relieved`, if that is in its step still
    std::thread::id relieved;
    bool is_woken = false;
    Condition bell;
    std::optional<Timestamp> until() const { return relief && (!wake || *relief < *wake) ? relief : wake; }
  };

  struct Worker {
    Progress progress;
    std::atomic<bool> in_step = false;
  };

  void loop(Worker& worker, const Step& step, const std::stop_token& stop);
  void sleep(MutexLock& lock, const std::stop_token& stop, std::optional<Timestamp> wake) REQUIRES(mutex_);
  void appoint_relief() REQUIRES(mutex_);
  void dismiss_relief() REQUIRES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  Condition ended_;
  unsigned wakes_ GUARDED_BY(mutex_) = 0;  // a thread that was in its step meanwhile does not sleep
  int running_ GUARDED_BY(mutex_) = 0;
  std::set<Sleeper*> sleepers_ GUARDED_BY(mutex_);
  std::deque<Worker> workers_ GUARDED_BY(mutex_);  // addresses stay
  std::vector<std::jthread> threads_;
};

}  // namespace mig_runner::stages
