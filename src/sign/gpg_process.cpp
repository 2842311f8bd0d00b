#include "sign/gpg_process.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/child.h"

namespace mig_runner::sign {
namespace {

using Steady = std::chrono::steady_clock;

// English messages, and no passphrase that gpg has no use for.
std::vector<std::string> child_environment() {
  auto all = environment_with({{"LC_ALL", "C"}});
  std::erase_if(all, [](const std::string& text) {
    return text.starts_with("LANGUAGE=") || text.starts_with("MIGPGPPASSPHRASE=");
  });
  return all;
}

// Moves what there is to read to the end of `text`; false at the end of the stream.
bool read_some(int fd, std::string& text) {
  char buffer[16384];
  const ssize_t count = read(fd, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  explicit_bzero(buffer, sizeof buffer);
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

// Reads both streams until the process ends. An agent that it leaves behind may keep them open.
// False where it has not ended at `end`.
bool read_until_end(int process, int out, int err, GpgOutput& output, Steady::time_point end) {
  pollfd fds[] = {{out, POLLIN, 0}, {err, POLLIN, 0}, {process, POLLIN, 0}};
  std::string* const texts[] = {&output.out, &output.err};
  for (bool ended = false; !ended;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
    const int ready = left > 0 ? poll(fds, 3, static_cast<int>(left)) : 0;
    if (ready == 0) return false;
    if (ready < 0) continue;
    ended = fds[2].revents != 0;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      // After the end, all that the pipe still holds.
      do {
        if (!read_some(fds[i].fd, *texts[i])) fds[i].fd = -1;
      } while (ended && fds[i].fd >= 0 && poll(&fds[i], 1, 0) > 0);
    }
  }
  return true;
}

std::string text_of(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace

Result<GpgOutput> run_gpg(const std::string& program, const std::filesystem::path& home,
                          const std::vector<std::string>& arguments, std::string_view input,
                          std::chrono::milliseconds limit) {
  auto in = make_pipe(), out = make_pipe(), err = make_pipe();
  // A pipe holds the input before the program starts: nothing can block or break.
  if (!in || !out || !err || write(in->writer.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    return fail_errno("there is no pipe to " + program, home.string());
  in->writer.reset();
  std::vector<std::string> line{program, "--homedir", home.string()};
  line.insert(line.end(), arguments.begin(), arguments.end());
  auto child = Child::start({.arguments = std::move(line),
                             .environment = child_environment(),
                             .input = Stream::of(in->reader),
                             .output = Stream::of(out->writer),
                             .errors = Stream::of(err->writer),
                             .group = Program::Group::own});
  if (!child && child.error() == ENOENT) return fail(program + " is not installed", home.string());
  if (!child) return fail(program + " does not start: " + std::strerror(child.error()), home.string(), Retry::later);
  out->writer.reset();
  err->writer.reset();
  GpgOutput output;
  if (!read_until_end(child->handle(), out->reader.get(), err->reader.get(), output, Steady::now() + limit))
    return fail(program + " did not end within " + text_of(limit) + " and was killed", home.string(), Retry::later);
  child->wait();
  return output;
}

}  // namespace mig_runner::sign
