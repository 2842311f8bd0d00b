#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace mig_runner::plugin {

struct Request {
  std::filesystem::path executable;
  std::filesystem::path input;  // becomes standard input
  int open_input = -1;          // instead of it: a file that is open for reading, which stays the caller's
  // Instead of it: what standard input gets, a piece at a time until one is empty. Called on the thread of run(). An
  // Error ends the plugin: what it got is not whole.
  std::function<Result<std::string_view>()> feed;
  std::filesystem::path working_directory;
  // Added to our own environment, without what is ours alone (the passphrase, passwords, the service manager's).
  std::vector<std::pair<std::string, std::string>> environment;
  std::chrono::milliseconds timeout{0};  // then the process group gets SIGTERM and, 2 s later, SIGKILL
  std::size_t max_output_lines = 1000;   // of both streams together; further lines are counted and dropped
  std::size_t max_line_bytes = 4096;     // a longer line is cut
};

struct Outcome {
  enum class Kind {
    succeeded,
    try_later,
    failed,
    timed_out,
    stopped
  };  // exit 0; exit 75; other; told to end by the timeout or a stop request, whatever it exits with: many programs
      // exit 0 on SIGTERM with their work undone. One that no signal reached is judged by how it ended.
  Kind kind = Kind::failed;
  int exit_code = -1;  // -1 when a signal ended it, or nobody can know
  int signal = 0;
  // After a timeout or a stop request: what kept it from being ended, so that it may run still. Empty: it has ended.
  std::string still_runs;
  std::size_t dropped_lines = 0;
  std::string text() const;  // "exit 3", "killed by SIGSEGV", ..
};

// Runs a plugin to its end in a process group of its own with no descriptor of ours but the three standard ones.
// Blocks; call it from a thread of its own; safe from several at once. `line(is_stderr, text)` is called on this thread
// for each line of output. What it leaves running when it ends by itself goes on, but is not listened to for more than
// 0.5 s; after a timeout or a stop request nothing of its group is left, as far as it can be killed. One that cannot
// (it runs as another user, or hangs in the kernel) is given up after the time in which it should have ended: its pipes
// are closed, and reap_orphans() takes it once it ends. An Error means that it could not be started: with Retry::no
// because of the plugin (missing, not executable), with Retry::later because of something else (input gone, no
// descriptors left, a file system that fails); or it is that of `feed`. The process ignores SIGPIPE.
Result<Outcome> run(const Request& request, const std::function<void(bool, std::string_view)>& line,
                    const std::stop_token& stop);

}  // namespace mig_runner::plugin
