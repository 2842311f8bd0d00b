#include "log/line.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/utf8.h"

namespace mig_runner::log {

std::string stamp(Timestamp time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  auto text = format_utc(second);
  text.pop_back();
  return text + '.' + std::to_string(1000 + (time - second).count()).substr(1) + 'Z';
}

std::string line_of(const Message& message) {
  return stamp(message.time) + ' ' + std::string(level_name(message.level)) + ' ' + message.text + '\n';
}

bool write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const auto written = write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    // Somebody else who has it open made it non-blocking.
    if (written < 0 && errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      poll(&ready, 1, -1);
      continue;
    }
    if (written < 0) return false;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void complain(std::string_view what) {
  to_standard_error("mig-runner: " + printable(what) + "\n");
}

void to_standard_error(std::string_view line) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) <= 0 || (ready.revents & POLLOUT) == 0) return;
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // there is nowhere left to say it
}

}  // namespace mig_runner::log
