#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "cli/command_line.h"

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

int main(int argc, char** argv) {
  mig_runner::prepare_process();
  mig_runner::cli::Streams streams{std::cout, std::cerr};
  if (isatty(STDOUT_FILENO) == 1) {
    streams.width = terminal_width();
    // https://no-color.org
    streams.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  }
  const auto& clock = mig_runner::system_clock();
  const int status = mig_runner::cli::run_command_line(std::vector<std::string>(argv, argv + argc), MIG_RUNNER_VERSION,
                                                       streams, clock);
  // Output that was lost (a full disk) is no success.
  if (!std::cout.flush() && status == mig_runner::cli::kExitFine) {
    std::cerr << "mig-runner: the output cannot be written\n";
    return mig_runner::cli::kExitProblem;
  }
  return status;
}
