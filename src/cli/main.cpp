#include <malloc.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
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

// Freed memory is overwritten: the passphrase and the key pass through strings of many kinds (a configuration file's
// text and values, what gpg exports), none of which should leave them behind in free memory. 64 KiB are more than any
// of these has; AddressSanitizer watches over its own.
#ifndef __SANITIZE_ADDRESS__
namespace {

void wipe_and_free(void* memory) noexcept {
  constexpr std::size_t kMost = std::size_t{64} << 10U;
  if (memory != nullptr) explicit_bzero(memory, std::min(malloc_usable_size(memory), kMost));
  std::free(memory);
}

}  // namespace

void operator delete(void* memory) noexcept {
  wipe_and_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  wipe_and_free(memory);
}
#endif

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
