#pragma once

#include <chrono>
#include <optional>
#include <type_traits>

#include "daemon/service_manager.h"
#include "daemon/wakeups.h"
#include "log/log.h"
#include "stages/fault_latch.h"

namespace mig_runner::daemon {

// Waits, at the start and in a reload, for what fails for a reason that may pass by itself: a record that is locked, a
// disk that is full or read-only, a database server that is away, no descriptors left. Only what somebody must mend
// (Retry::no) ends the start. Belongs to the loop's thread.
class StartWait {
 public:
  // How often it is tried.
  static constexpr std::chrono::seconds kPause{2};

  // Signals that come meanwhile, but for the end, are added to `missed`. All outlive this.
  StartWait(Wakeups& wakeups, ServiceManager& service_manager, Wakeups::Events& missed)
      : wakeups_(wakeups), service_manager_(service_manager), missed_(missed) {}

  // What `step` returns, which is called again while it fails with anything but Retry::no and no signal asks for the
  // end. The first failure and the end of the waiting are told.
  template <class Step>
  std::invoke_result_t<Step> attempt(log::Log& log, Step step) {
    while (true) {
      auto done = step();
      if (done || done.error().retry == Retry::no) {
        if (trouble_.ends()) log.notice("The start goes on.");
        return done;
      }
      const auto why = "Nothing is launched until this works: " + done.error().text();
      if (trouble_.begins()) log.error(why);
      service_manager_.status(why);
      if (!pause(log)) return done;
    }
  }

  // Whether a signal asked for the end.
  bool ended() const { return ended_; }

 private:
  bool pause(log::Log& log) {
    static_cast<void>(service_manager_.alive(std::chrono::steady_clock::now()));
    const auto events = wakeups_.wait(std::nullopt, kPause, -1);
    ended_ = events.terminate;
    if (events.reload) log.reopen();
    missed_.add(events);
    return !ended_;
  }

  Wakeups& wakeups_;
  ServiceManager& service_manager_;
  Wakeups::Events& missed_;
  stages::FaultLatch trouble_;
  bool ended_ = false;
};

}  // namespace mig_runner::daemon
