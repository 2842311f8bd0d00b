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
  };  // exit 0; exit 75; other; timeout; stop request
  Kind kind = Kind::failed;
  int exit_code = -1;  // -1 when a signal ended it
  int signal = 0;
  std::size_t dropped_lines = 0;
  std::string text() const;  // "exit 3", "killed by SIGSEGV", ..
};

// Runs a plugin to its end in a process group of its own with no descriptor of ours but the three standard ones.
// Blocks; call it from a thread of its own; safe from several at once. `line(is_stderr, text)` is called on this thread
// for each line of output. An Error (retry later) means that it could not be started: missing, not executable, input
// gone.
Result<Outcome> run(const Request& request, const std::function<void(bool, std::string_view)>& line,
                    std::stop_token stop);

}  // namespace mig_runner::plugin
