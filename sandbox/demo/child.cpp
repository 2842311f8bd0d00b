#include "sandbox/demo/child.h"

#include <csignal>
#include <fstream>
#include <sstream>

namespace mig_sandbox {

using mig_runner::Program;
using mig_runner::Stream;

Child::Child(const std::vector<std::string>& command, const std::filesystem::path& output,
             const std::vector<std::pair<std::string, std::string>>& environment) {
  // setpriv(1) becomes the command.
  std::vector<std::string> arguments{"setpriv", "--pdeathsig", "TERM", "--"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  // A group of its own: Ctrl-C at the terminal ends us, and we end it.
  auto started = mig_runner::Child::start({.arguments = std::move(arguments),
                                           .environment = mig_runner::environment_with(environment),
                                           .output = Stream::to(output),
                                           .errors = Stream::to(output),
                                           .group = Program::Group::own});
  if (started) child_.emplace(std::move(*started));
}

Child::~Child() {
  terminate(std::chrono::seconds(5));
}

bool Child::running() {
  return child_ && child_->runs();
}

std::optional<int> Child::wait(std::chrono::milliseconds at_most) {
  if (!child_) return kNotStarted;
  const auto ending = child_->wait(at_most);
  return ending ? std::optional(ending->status()) : std::nullopt;
}

std::optional<int> Child::terminate(std::chrono::milliseconds at_most) {
  if (running()) child_->signal(SIGTERM);
  return wait(at_most);
}

std::vector<std::string> LogTail::new_lines() {
  std::vector<std::string> lines;
  std::ifstream file(file_, std::ios::binary);
  if (!file.seekg(read_)) return lines;
  std::ostringstream text;
  text << file.rdbuf();
  read_ += static_cast<std::streamoff>(text.str().size());
  rest_ += text.str();
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
    lines.push_back(rest_.substr(0, end));
    rest_.erase(0, end + 1);
  }
  return lines;
}

}  // namespace mig_sandbox
