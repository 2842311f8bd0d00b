#include "runner/wakeups.h"

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

namespace mig_runner::runner {

Result<Wakeups> Wakeups::create() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return fail_errno("signals cannot be blocked");
  UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail_errno("signalfd");
  UniqueFd timer(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return fail_errno("timerfd");
  return Wakeups(std::move(signals), std::move(timer));
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

void Wakeups::read_signals(Events& events) {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      events.reload = true;
    } else {
      events.terminate = true;
    }
  }
}

Wakeups::Events Wakeups::wait(std::optional<Timestamp> wake, std::chrono::milliseconds longest, int spool_fd) {
  arm(wake);
  std::array<pollfd, 3> fds{{{signals_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {spool_fd, POLLIN, 0}}};
  const auto timeout = static_cast<int>(std::min<std::int64_t>(longest.count(), 3'600'000));
  Events events;
  if (poll(fds.data(), fds.size(), timeout) <= 0) return events;
  if (fds[0].revents != 0) read_signals(events);
  std::uint64_t expirations = 0;
  if (fds[1].revents != 0 && read(timer_.get(), &expirations, sizeof expirations) < 0)
    events.clock_was_set = errno == ECANCELED;
  events.spool = fds[2].revents != 0;
  return events;
}

}  // namespace mig_runner::runner
