#pragma once

#include <soci/soci.h>

#include <chrono>
#include <optional>

#include "base/mutex.h"

namespace mig_runner::store {

// How long the calls of one SQLite connection wait for a lock that another process holds. Threads wait for the
// connection in turn: after one that waited in vain, those behind it wait next to nothing for a while, as long as that
// one waited. Safe from any thread; outlives the connection.
class LockWait {
 public:
  // How long a command waits, which is called once. The runner tries again by itself, and meanwhile all its threads
  // wait for the one connection.
  static constexpr std::chrono::milliseconds kCommand{10'000};
  static constexpr std::chrono::milliseconds kRunner{5'000};
  // While the database is opened, which is tried again too, so that a signal is seen soon.
  static constexpr std::chrono::milliseconds kOpening{500};
  // Once begin_shutdown() was called, and after a wait in vain.
  static constexpr std::chrono::milliseconds kShutdownLimit{20};

  explicit LockWait(std::chrono::milliseconds limit) : limit_(limit) {}
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  // Takes the place of SQLite's own timeout.
  void install(soci::session& session);
  void set_limit(std::chrono::milliseconds limit);
  // From now on calls wait next to nothing, also the one under way.
  void begin_shutdown();

 private:
  bool goes_on(int tries);
  std::chrono::milliseconds current_limit() const REQUIRES(mutex_);

  Mutex mutex_;
  Condition changed_;
  std::chrono::milliseconds limit_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point began_ GUARDED_BY(mutex_){};                 // the wait under way
  std::optional<std::chrono::steady_clock::time_point> gave_up_ GUARDED_BY(mutex_);  // after the whole limit
  bool is_shutting_down_ GUARDED_BY(mutex_) = false;
};

}  // namespace mig_runner::store
