#include "plugin/plugin.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/progress.h"
#include "base/time.h"
#include "plugin/output_reader.h"
#include "plugin/spawn.h"

namespace mig_runner::plugin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kTryLater = 75;  // EX_TEMPFAIL of sysexits.h
constexpr milliseconds kTerminateToKill = std::chrono::seconds(2);
constexpr milliseconds kStopToKill = std::chrono::seconds(1);
// SIGKILL ends a process at once, unless it hangs in the kernel.
constexpr milliseconds kKillToGiveUp = std::chrono::seconds(1);
// After the plugin's end a grandchild may still hold its output open.
constexpr milliseconds kDrain = std::chrono::milliseconds(500);
constexpr milliseconds kStopPoll = std::chrono::milliseconds(100);  // how soon a stop request is noticed

class Run {
 public:
  Run(const Request& request, const std::function<void(bool, std::string_view)>& line, Spawned spawned)
      : request_(request),
        spawned_(std::move(spawned)),
        input_(std::move(spawned_.input)),
        output_(std::move(spawned_.output), request.max_line_bytes, capped(line, false)),
        errors_(std::move(spawned_.errors), request.max_line_bytes, capped(line, true)) {}

  Result<Outcome> to_end(const std::stop_token& stop) {
    const auto deadline = steady_clock::now() + request_.timeout;
    while (!ended_ && !given_up_) {
      const auto now = steady_clock::now();
      note_progress();
      if (!killing_ && stop.stop_requested()) terminate(Outcome::Kind::stopped, now + kStopToKill);
      if (!killing_ && now >= deadline) terminate(Outcome::Kind::timed_out, now + kTerminateToKill);
      if (killing_ && now >= kill_at_) end_by_force(now);
      if (!given_up_) pump(kStopPoll);
    }
    drain();
    if (given_up_) spawned_.child.disown();
    if (feed_error_) return tl::unexpected(*feed_error_);
    return outcome();
  }

 private:
  OutputReader::Line capped(const std::function<void(bool, std::string_view)>& line, bool is_stderr) {
    return [this, &line, is_stderr](std::string_view text) {
      if (lines_ < request_.max_output_lines) {
        ++lines_;
        line(is_stderr, text);
      } else {
        ++dropped_;
      }
    };
  }

  void terminate(Outcome::Kind why, steady_clock::time_point kill_at) {
    killing_ = true;
    why_ = why;
    kill_at_ = kill_at;
    signal_group(SIGTERM);
  }

  // The group's answer hides that its leader may not be signalled, if the signal reached another process of it.
  void signal_group(int number) {
    const bool allowed = spawned_.child.signal(0);
    refused_ = !allowed && errno == EPERM;
    const bool sent = spawned_.child.signal_group(number);
    reached_ = reached_ || (allowed && sent);
  }

  void end_by_force(steady_clock::time_point now) {
    signal_group(SIGKILL);
    given_up_ = refused_ || now >= kill_at_ + kKillToGiveUp;
  }

  void pump(milliseconds longest) {
    std::array<pollfd, 4> fds{{{spawned_.child.handle(), POLLIN, 0},
                               {output_.fd(), POLLIN, 0},
                               {errors_.fd(), POLLIN, 0},
                               {input_.get(), POLLOUT, 0}}};
    if (ended_) fds[0].fd = -1;
    if (poll(fds.data(), fds.size(), static_cast<int>(longest.count())) <= 0) return;
    if (fds[1].revents != 0) output_.read_available();
    if (fds[2].revents != 0) errors_.read_available();
    if (fds[3].revents != 0) feed();
    if (fds[0].revents != 0) reap();
  }

  // Writes as much as the pipe takes; closes it at the end, or where the plugin does not want any more.
  void feed() {
    while (true) {
      if (piece_.empty()) {
        const auto next = request_.feed();
        if (!next) {
          feed_error_ = next.error();
          terminate(Outcome::Kind::failed, steady_clock::now() + kTerminateToKill);
        }
        if (!next || next->empty()) return input_.reset();
        piece_ = *next;
      }
      const auto written = write(input_.get(), piece_.data(), piece_.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) return;
      if (written < 0) return input_.reset();
      piece_.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void reap() {
    // The group goes before its leader is reaped: until then its number cannot belong to anybody else.
    if (killing_) spawned_.child.signal_group(SIGKILL);
    ended_ = true;
    ending_ = spawned_.child.wait();
  }

  void drain() {
    const auto until = steady_clock::now() + (given_up_ ? milliseconds(0) : kDrain);
    while ((output_.open() || errors_.open()) && steady_clock::now() < until) pump(milliseconds(50));
    output_.finish();
    errors_.finish();
  }

  Outcome outcome() const {
    Outcome outcome;
    outcome.dropped_lines = dropped_;
    outcome.exit_code = ending_.exit_code;
    outcome.signal = ending_.signal;
    if (given_up_) outcome.still_runs = refused_ ? "it runs as another user" : "it does not react to SIGKILL";
    if (killing_ && (reached_ || given_up_)) {
      outcome.kind = why_;
    } else if (outcome.exit_code == 0) {
      outcome.kind = Outcome::Kind::succeeded;
    } else {
      outcome.kind = outcome.exit_code == kTryLater ? Outcome::Kind::try_later : Outcome::Kind::failed;
    }
    return outcome;
  }

  const Request& request_;
  Spawned spawned_;
  std::size_t lines_ = 0;
  std::size_t dropped_ = 0;
  UniqueFd input_;
  std::string_view piece_;  // what the pipe has not taken yet
  std::optional<Error> feed_error_;
  OutputReader output_, errors_;
  bool ended_ = false;
  bool killing_ = false;
  bool reached_ = false;   // by a signal
  bool refused_ = false;   // it may not be signalled
  bool given_up_ = false;  // it runs on
  Outcome::Kind why_ = Outcome::Kind::failed;
  steady_clock::time_point kill_at_;
  Ending ending_;
};

}  // namespace

std::string Outcome::text() const {
  switch (kind) {
    case Kind::succeeded:
      return "exit 0";
    case Kind::try_later:
      return "exit 75 (try later)";
    case Kind::timed_out:
      return still_runs.empty() ? "it ran longer than plugintimeout and was ended"
                                : "it ran longer than plugintimeout and could not be ended: " + still_runs;
    case Kind::stopped:
      return still_runs.empty() ? "it was ended because the runner stops"
                                : "it could not be ended when the runner stopped: " + still_runs;
    case Kind::failed:
      break;
  }
  if (exit_code >= 0) return "exit " + std::to_string(exit_code);
  if (signal == 0) return "its exit status is lost (the runner was started with SIGCHLD ignored)";
  const char* name = sigabbrev_np(signal);
  return "killed by " + (name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal));
}

Result<Outcome> run(const Request& request, const std::function<void(bool, std::string_view)>& line,
                    const std::stop_token& stop) {
  auto spawned = spawn(request);
  if (!spawned) return tl::unexpected(spawned.error());
  return Run(request, line, std::move(*spawned)).to_end(stop);
}

}  // namespace mig_runner::plugin
