#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mig_runner::daemon {

// What the service manager that started this process is told, by the protocol of sd_notify(3) over the socket that
// NOTIFY_SOCKET names. Does nothing where there is none; a message that cannot be sent is no reason to stop work.
// Belongs to the loop's thread.
class ServiceManager {
 public:
  using Clock = std::chrono::steady_clock;

  // Reads the environment: NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID is this process.
  ServiceManager();

  // The line that `systemctl status` shows; sent only when it differs from the one before.
  void status(const std::string& line);
  void ready();
  // A reload begins; ready() ends it.
  void reloading();
  void stopping();

  // To be called by the loop in every round: tells that the process is alive, twice in the time after which the service
  // manager gives up on a silent one; not while `works` is false, since some of its threads are stuck. Returns how long
  // the loop may wait until it calls again; nullopt: nobody watches.
  std::optional<Clock::duration> alive(Clock::time_point now, bool works = true);

 private:
  std::optional<Clock::duration> alive_every_;
  Clock::time_point next_alive_;
  std::string status_;
};

}  // namespace mig_runner::daemon
