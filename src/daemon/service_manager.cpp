#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <ctime>

#include "base/utf8.h"

namespace mig_runner::daemon {
namespace {

// 0: the environment stays as it is. Plugins do not inherit its variables (plugin/spawn.cpp).
void tell(const std::string& message) {
  sd_notify(0, message.c_str());
}

// sd_notify(3) wants the reload's time by this clock, to tell apart reloads that overlap.
std::int64_t monotonic_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

ServiceManager::ServiceManager() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0)
    alive_every_ = std::chrono::microseconds(static_cast<std::int64_t>(microseconds / 2));
}

void ServiceManager::status(const std::string& line) {
  if (line == status_) return;
  status_ = line;
  tell("STATUS=" + printable(line));
}

void ServiceManager::ready() {
  tell("READY=1");
}

void ServiceManager::reloading() {
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_microseconds()));
}

void ServiceManager::stopping() {
  tell("STOPPING=1");
}

std::optional<ServiceManager::Clock::duration> ServiceManager::alive(Clock::time_point now, bool works) {
  if (!alive_every_) return std::nullopt;
  if (now >= next_alive_) {
    next_alive_ = now + *alive_every_;
    if (works) tell("WATCHDOG=1");
  }
  return next_alive_ - now;
}

}  // namespace mig_runner::daemon
