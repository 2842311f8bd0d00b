#include "e2e/process.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/scratch_directory.h"

namespace mig_runner::test {
namespace {

constexpr std::chrono::milliseconds kPoll{10};

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                 const std::map<std::string, std::string>& environment)
    : output_(output) {
  auto child = Child::start({.arguments = arguments,
                             .environment = environment_with({environment.begin(), environment.end()}),
                             .output = Stream::to(output),
                             .errors = Stream::to(output)});
  if (child) child_.emplace(std::move(*child));
}

void Process::signal(int number) const {
  if (child_) child_->signal(number);
}

bool Process::running() {
  return child_ && child_->runs();
}

bool Process::dumped_core() {
  return child_ && child_->wait().dumped_core;
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  if (!child_) return kNotStarted;
  const auto ending = child_->wait(timeout);
  return ending ? std::optional(ending->status()) : std::nullopt;
}

std::string Process::output() const {
  return read_text(output_);
}

std::string run_command(const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string>& environment) {
  const ScratchDirectory scratch;
  Process process(arguments, scratch.path() / "output", environment);
  const auto status = process.wait(std::chrono::seconds(60));
  EXPECT_EQ(status, 0) << arguments[0] << ": " << process.output();
  return process.output();
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

}  // namespace mig_runner::test
