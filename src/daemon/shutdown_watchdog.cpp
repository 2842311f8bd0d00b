#include "daemon/shutdown_watchdog.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "daemon/wakeups.h"

namespace mig_runner::daemon {

Result<std::unique_ptr<ShutdownWatchdog>> ShutdownWatchdog::begin(log::Log& log, store::RunStore* store) {
  auto signals = ending_signals();
  if (!signals) return tl::unexpected(signals.error());
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno("eventfd");
  return std::unique_ptr<ShutdownWatchdog>(new ShutdownWatchdog(log, store, std::move(*signals), std::move(stop)));
}

ShutdownWatchdog::ShutdownWatchdog(log::Log& log, store::RunStore* store, UniqueFd signals, UniqueFd stop)
    : log_(log), store_(store), signals_(std::move(signals)), stop_(std::move(stop)), thread_([this] { run(); }) {}

ShutdownWatchdog::~ShutdownWatchdog() {
  const std::uint64_t one = 1;
  static_cast<void>(write(stop_.get(), &one, sizeof one));
}

bool ShutdownWatchdog::stopped_within(std::chrono::milliseconds time) const {
  pollfd stop{stop_.get(), POLLIN, 0};
  return poll(&stop, 1, static_cast<int>(time.count())) > 0;
}

void ShutdownWatchdog::run() {
  std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
  }
  if (stopped_within(kGracePeriod)) return;
  if (store_ != nullptr) store_->begin_shutdown();
  if (stopped_within(kLastResort)) return;
  log_.warning(
      "Ending although not all that is under way has ended: what is not recorded is found out by the next start, or"
      " by another runner of the group once this one's lease has ended.");
  log_.flush(std::chrono::milliseconds(200));
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace mig_runner::daemon
