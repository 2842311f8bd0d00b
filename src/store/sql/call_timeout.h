#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"

namespace mig_runner::store {

// Ends a connection on which a call takes too long. A server that hangs, or a network that forgets a connection, never
// answers, and libpq waits for that without end; who does other work meanwhile waits for the connection. One call at a
// time, from any thread.
class CallTimeout {
 public:
  // How long a call may take once begin_shutdown() was called.
  static constexpr std::chrono::milliseconds kShutdownLimit{500};

  explicit CallTimeout(std::chrono::milliseconds limit);
  ~CallTimeout();
  CallTimeout(const CallTimeout&) = delete;
  CallTimeout& operator=(const CallTimeout&) = delete;

  std::chrono::milliseconds limit();

  // A call over this socket begins, or goes on over another. Where end() does not follow within the limit (and a
  // quarter) both ways of it are shut down, whereupon the call fails as with a connection that was lost.
  void begin(int socket);
  void end();
  // From now on calls are given little time, also the one under way.
  void begin_shutdown();
  bool is_shutting_down();
  // Ends the call now, if there is one, and each that begins from now on.
  void give_up();

 private:
  void run(const std::stop_token& stop);

  Mutex mutex_;
  std::chrono::milliseconds limit_ GUARDED_BY(mutex_);
  Condition changed_;
  // A duplicate: the call may close its own meanwhile, and the number may be given to another file.
  UniqueFd socket_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point deadline_ GUARDED_BY(mutex_);
  bool is_shutting_down_ GUARDED_BY(mutex_) = false;
  bool given_up_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace mig_runner::store
