#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/thread_annotations.h"

namespace mig_runner {

// std::mutex, std::unique_lock and std::condition_variable_any with annotations, which those of libstdc++ lack: clang
// then checks that a GUARDED_BY field is touched only while its mutex is held.
class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds the mutex from its beginning to its end, but for the time between unlock() and lock().
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() ACQUIRE() { lock_.lock(); }
  void unlock() RELEASE() { lock_.unlock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

// The lock is given up during a wait, and held again after it. A predicate is called while it is held:
// `[&]() REQUIRES(mutex_) { return ready_; }`.
class Condition {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }

  template <class Predicate>
  void wait(MutexLock& lock, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    condition_.wait(lock.lock_, predicate);
  }

  // The next three wait at most until a stop is requested.
  template <class Predicate>
  void wait(MutexLock& lock, const std::stop_token& stop, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    condition_.wait(lock.lock_, stop, predicate);
  }

  template <class Time, class Predicate>
  bool wait_until(MutexLock& lock, const std::stop_token& stop, Time time,
                  Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    return condition_.wait_until(lock.lock_, stop, time, predicate);
  }

  template <class Duration, class Predicate>
  bool wait_for(MutexLock& lock, const std::stop_token& stop, Duration duration,
                Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    return condition_.wait_for(lock.lock_, stop, duration, predicate);
  }

  template <class Duration>
  std::cv_status wait_for(MutexLock& lock, Duration duration) {
    return condition_.wait_for(lock.lock_, duration);
  }

  // These tell whether the predicate is true at last.
  template <class Duration, class Predicate>
  bool wait_for(MutexLock& lock, Duration duration, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    return condition_.wait_for(lock.lock_, duration, predicate);
  }

  template <class Time, class Predicate>
  bool wait_until(MutexLock& lock, Time time, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
    return condition_.wait_until(lock.lock_, time, predicate);
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace mig_runner
