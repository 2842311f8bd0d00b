#pragma once

#include <chrono>
#include <optional>

#include "base/file.h"
#include "base/time.h"

namespace mig_runner::runner {

// What wakes the loop: signals, a time of the wall clock, a jump of that clock, changes in the spool. One thread.
class Wakeups {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts.
  static Result<Wakeups> create();

  struct Events {
    bool terminate = false;
    bool reload = false;
    bool clock_was_set = false;
    bool spool = false;
  };

  // Waits until `wake` (nullopt: no such time) on the wall clock, `longest`, or an event, whichever is first.
  // `spool_fd` may be -1.
  Events wait(std::optional<Timestamp> wake, std::chrono::milliseconds longest, int spool_fd);

 private:
  Wakeups(UniqueFd signals, UniqueFd timer) : signals_(std::move(signals)), timer_(std::move(timer)) {}
  void arm(std::optional<Timestamp> wake);
  void read_signals(Events& events);

  UniqueFd signals_;
  UniqueFd timer_;
};

}  // namespace mig_runner::runner
