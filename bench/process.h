#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child.h"

namespace mig_bench {

using mig_runner::Child;
using mig_runner::Stream;

// What ended badly: the benchmark cannot go on.
[[noreturn]] void give_up(const std::string& why);

// A child process whose output is added to a file. Killed when this ends.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& output,
          const std::filesystem::path& input = "/dev/null");
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  bool running() { return child_.runs(); }
  // Waits to its end, whatever it exits with.
  void end() { child_.wait(); }
  // Waits to its end; gives up on the whole benchmark where it does not exit 0.
  void succeed();
  // SIGTERM, and to its end.
  void stop();

  // Of all its threads, so far; of an ended one, of its whole life and with its children.
  double cpu_milliseconds();
  double peak_mib() const;
  double resident_mib() const;
  std::int64_t bytes_read() const;  // by read(2) and its like, from whatever

 private:
  static Child start(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                     const std::filesystem::path& input);
  double status_mib(const std::string& field) const;

  Child child_;
  std::filesystem::path output_;
};

struct Cost {
  double wall_ms = 0;
  double cpu_ms = 0;
};
// Runs a command to its end. Its output goes to `output`.
Cost run(const std::vector<std::string>& arguments, const std::filesystem::path& output,
         const std::filesystem::path& input = "/dev/null");
std::string output_of(const std::vector<std::string>& arguments);

// Polls every millisecond until `condition` holds; gives up, saying `what`, after `at_most`.
void wait_until(const std::string& what, const std::function<bool()>& condition,
                std::chrono::seconds at_most = std::chrono::seconds(120));

// Counts what a log says, reading only what was added since.
class LogWatch {
 public:
  LogWatch(std::filesystem::path file, std::string text) : file_(std::move(file)), text_(std::move(text)) {}
  int count();

 private:
  std::filesystem::path file_;
  std::string text_;
  std::string rest_;
  std::streamoff read_ = 0;
  int count_ = 0;
};

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace mig_bench
