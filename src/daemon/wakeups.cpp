#include "daemon/wakeups.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace mig_runner::daemon {

namespace {

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  return set;
}

Result<UniqueFd> told_of(const sigset_t& set) {
  UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail_errno("signalfd");
  return signals;
}

}  // namespace

Result<UniqueFd> ending_signals() {
  return told_of(set_of({SIGTERM, SIGINT}));
}

Result<Wakeups> Wakeups::create() {
  const auto blocked = set_of({SIGTERM, SIGINT, SIGHUP});
  if (pthread_sigmask(SIG_BLOCK, &blocked, nullptr) != 0) return fail_errno("signals cannot be blocked");
  auto ending = ending_signals();
  if (!ending) return tl::unexpected(ending.error());
  auto reload = told_of(set_of({SIGHUP}));
  if (!reload) return tl::unexpected(reload.error());
  UniqueFd timer(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return fail_errno("timerfd");
  return Wakeups(std::move(*ending), std::move(*reload), std::move(timer));
}

// Armed even without a time to wait for: only an armed timer tells that the clock was set.
void Wakeups::arm(std::optional<Timestamp> wake) {
  constexpr std::int64_t kFarAway = std::int64_t{1} << 40U;  // seconds
  itimerspec spec{};
  spec.it_value.tv_sec = kFarAway;
  if (wake) {
    const auto milliseconds = std::max<std::int64_t>(wake->time_since_epoch().count(), 1);
    spec.it_value.tv_sec = milliseconds / 1000;
    spec.it_value.tv_nsec = milliseconds % 1000 * 1'000'000;
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr);
}

Wakeups::Events Wakeups::wait(std::optional<Timestamp> wake, std::chrono::milliseconds longest, int spool_fd) {
  arm(wake);
  std::array<pollfd, 4> fds{
      {{ending_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {spool_fd, POLLIN, 0}, {reload_.get(), POLLIN, 0}}};
  const auto timeout = static_cast<int>(std::min<std::int64_t>(longest.count(), 3'600'000));
  Events events;
  if (poll(fds.data(), fds.size(), timeout) <= 0) return events;
  events.terminate = fds[0].revents != 0;
  std::uint64_t expirations = 0;
  if (fds[1].revents != 0 && read(timer_.get(), &expirations, sizeof expirations) < 0)
    events.clock_was_set = errno == ECANCELED;
  events.spool = fds[2].revents != 0;
  signalfd_siginfo info{};
  if (fds[3].revents != 0) events.reload = read(reload_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
  return events;
}

}  // namespace mig_runner::daemon
