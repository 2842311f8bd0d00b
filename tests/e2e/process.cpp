#include "e2e/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "support/scratch_directory.h"

namespace mig_runner::test {
namespace {

constexpr std::chrono::milliseconds kPoll{10};

[[noreturn]] void become(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                         const std::map<std::string, std::string>& environment) {
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> raw;
  for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  execvp(raw[0], raw.data());
  _exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                 const std::map<std::string, std::string>& environment)
    : output_(output) {
  pid_ = fork();
  if (pid_ == 0) become(arguments, output, environment);
}

Process::~Process() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  wait();
}

void Process::signal(int number) const {
  kill(pid_, number);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  dumped_core_ = WIFSIGNALED(status) && WCOREDUMP(status);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  eventually([this] { return !running(); }, timeout);
  return status_;
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
