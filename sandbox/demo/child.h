#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/child.h"

namespace mig_sandbox {

// A child process whose output goes to a file. It ends with its owner, and when this process dies.
class Child {
 public:
  // Standard input is empty; `environment` is added to ours. A program that cannot be started exits 127.
  Child(const std::vector<std::string>& command, const std::filesystem::path& output,
        const std::vector<std::pair<std::string, std::string>>& environment = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool running();
  // The exit status (128 + the signal that ended it), or none while it runs on after that time.
  std::optional<int> wait(std::chrono::milliseconds at_most);
  // SIGTERM, then as wait().
  std::optional<int> terminate(std::chrono::milliseconds at_most);

 private:
  static constexpr int kNotStarted = 127;

  std::optional<mig_runner::Child> child_;
};

// The lines that were added to a file since the last call; a line without its end waits for it.
class LogTail {
 public:
  explicit LogTail(std::filesystem::path file) : file_(std::move(file)) {}
  std::vector<std::string> new_lines();

 private:
  std::filesystem::path file_;
  std::streamoff read_ = 0;
  std::string rest_;
};

}  // namespace mig_sandbox
