#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/child.h"

namespace mig_runner::test {

// A child process whose standard output and error go to a file. Killed when this ends.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& output,
          const std::map<std::string, std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  // The exit status (128 + signal where one ended it), or nullopt where it still runs after `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout = std::chrono::seconds(20));
  bool running();
  // Whether the signal that ended it left a core file; waits for its end.
  bool dumped_core();
  std::string output() const;
  int id() const { return child_ ? child_->id() : -1; }

 private:
  static constexpr int kNotStarted = 127;

  std::optional<Child> child_;
  std::filesystem::path output_;
};

// Runs a command to its end; the test fails where it does not exit 0. Returns what it printed.
std::string run_command(const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string>& environment = {});

// Polls until `condition` holds; false where it does not within `timeout`.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout = std::chrono::seconds(20));

}  // namespace mig_runner::test
