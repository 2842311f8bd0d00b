#pragma once

#include <chrono>
#include <optional>

#include "base/file.h"
#include "base/time.h"

namespace mig_runner::daemon {

// A descriptor that is readable once SIGTERM or SIGINT has come, which must be blocked. Nobody reads it: whoever asks
// later sees it too.
Result<UniqueFd> ending_signals();

// What wakes the loop: signals, a time of the wall clock, a jump of that clock, changes in the spool. One thread.
class Wakeups {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts.
  static Result<Wakeups> create();

  struct Events {
    bool terminate = false;  // from then on always
    bool reload = false;
    bool clock_was_set = false;
    bool spool = false;

    // What came while something else was waited for.
    void add(const Events& earlier) {
      reload = reload || earlier.reload;
      clock_was_set = clock_was_set || earlier.clock_was_set;
    }
  };

  // Waits until `wake` (nullopt: no such time) on the wall clock, `longest`, or an event, whichever is first.
  // `spool_fd` may be -1.
  Events wait(std::optional<Timestamp> wake, std::chrono::milliseconds longest, int spool_fd);

 private:
  Wakeups(UniqueFd ending, UniqueFd reload, UniqueFd timer)
      : ending_(std::move(ending)), reload_(std::move(reload)), timer_(std::move(timer)) {}
  void arm(std::optional<Timestamp> wake);

  UniqueFd ending_;
  UniqueFd reload_;
  UniqueFd timer_;
};

}  // namespace mig_runner::daemon
