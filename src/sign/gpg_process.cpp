#include "sign/gpg_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/children.h"
#include "base/file.h"

extern char** environ;

namespace mig_runner::sign {
namespace {

using Steady = std::chrono::steady_clock;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// English messages, and no passphrase that gpg has no use for.
std::vector<std::string> child_environment() {
  std::vector<std::string> out{"LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("LC_ALL=") || text.starts_with("LANGUAGE=") || text.starts_with("MIGPGPPASSPHRASE=")) continue;
    out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// 0, or an errno.
int spawn(pid_t& pid, std::vector<std::string> arguments, int in, int out, int err) {
  auto environment = child_environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int status = start_child(pid, [&](pid_t& child) {
    return posix_spawnp(&child, arguments[0].c_str(), &actions, &attributes, pointers(arguments).data(),
                        pointers(environment).data());
  });
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return status;
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
  if (!in || !out || !err || write(in->write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    return fail_errno("there is no pipe to " + program, home.string());
  in->write.reset();
  std::vector<std::string> line{program, "--homedir", home.string()};
  line.insert(line.end(), arguments.begin(), arguments.end());
  pid_t pid = 0;
  const int status = spawn(pid, std::move(line), in->read.get(), out->write.get(), err->write.get());
  if (status == ENOENT) return fail(program + " is not installed", home.string());
  if (status != 0) return fail(program + " does not start: " + std::strerror(status), home.string(), Retry::later);
  out->write.reset();
  err->write.reset();
  GpgOutput output;
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const bool ended =
      process && read_until_end(process.get(), out->read.get(), err->read.get(), output, Steady::now() + limit);
  if (!ended) kill(-pid, SIGKILL);
  static_cast<void>(reap_child(pid));
  if (!process) return fail(program + " cannot be watched", home.string(), Retry::later);
  if (!ended)
    return fail(program + " did not end within " + text_of(limit) + " and was killed", home.string(), Retry::later);
  return output;
}

}  // namespace mig_runner::sign
