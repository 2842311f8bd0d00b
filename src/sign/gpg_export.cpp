#include "sign/gpg_export.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file.h"

extern char** environ;

namespace mig_runner::sign {
namespace {

constexpr int kSilenceMilliseconds = 30'000;  // gpg computes for less than a second
constexpr std::size_t kMaxPassphrase = 4096;  // fits into an empty pipe

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
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int status = posix_spawnp(&pid, arguments[0].c_str(), &actions, &attributes, pointers(arguments).data(),
                                  pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

struct Output {
  std::string out;
  std::string err;
  bool silent = false;  // it had to be ended
};

// Reads both until their ends.
Output read_both(int out, int err) {
  Output output;
  pollfd fds[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* const texts[] = {&output.out, &output.err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const int ready = poll(fds, 2, kSilenceMilliseconds);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      output.silent = true;
      return output;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[16384];
      const ssize_t count = read(fds[i].fd, buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        fds[i].fd = -1;
      } else {
        texts[i]->append(buffer, static_cast<std::size_t>(count));
      }
      explicit_bzero(buffer, sizeof buffer);
    }
  }
  return output;
}

// gpg with `input` as its standard input, which a pipe holds before gpg starts: nothing can block or break.
Result<Output> run_gpg(const std::filesystem::path& home, std::vector<std::string> arguments, std::string_view input) {
  auto in = make_pipe(), out = make_pipe(), err = make_pipe();
  if (!in || !out || !err) return fail_errno("No pipe to gpg");
  if (write(in->write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    return fail_errno("No pipe to gpg");
  in->write.reset();
  arguments.insert(arguments.begin(), {"gpg", "--homedir", home.string(), "--batch", "--no-tty"});
  pid_t pid = 0;
  const int status = spawn(pid, std::move(arguments), in->read.get(), out->write.get(), err->write.get());
  if (status != 0) {
    return fail(status == ENOENT
                    ? "gpg is needed to read the keys of GnuPG 2, and is not installed: install gnupg, or export them "
                      "with gpg --export-secret-keys > secring.gpg"
                    : std::string("gpg does not start: ") + std::strerror(status),
                home.string());
  }
  out->write.reset();
  err->write.reset();
  auto output = read_both(out->read.get(), err->read.get());
  if (output.silent) kill(pid, SIGKILL);
  int exit_status = 0;
  while (waitpid(pid, &exit_status, 0) < 0 && errno == EINTR) continue;
  if (output.silent) return fail("gpg does not answer", home.string(), Retry::later);
  return output;
}

// What gpg said last, without its name.
std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  text.remove_prefix(text.rfind('\n') + 1);
  if (text.starts_with("gpg: ")) text.remove_prefix(5);
  return std::string(text);
}

}  // namespace

Result<Secret> export_from_gpg(const std::filesystem::path& gpg_home, const std::string& fingerprint,
                               const Secret& passphrase) {
  if (passphrase.reveal().size() >= kMaxPassphrase) return fail("the passphrase is longer than 4,095 bytes");
  const Secret input(passphrase.reveal() + "\n");
  auto output =
      run_gpg(gpg_home, {"--pinentry-mode", "loopback", "--passphrase-fd", "0", "--export-secret-keys", fingerprint},
              input.reveal());
  if (!output) return tl::unexpected(output.error());
  if (!output->out.empty()) return Secret(std::move(output->out));
  const std::string_view said = output->err;
  if (said.find("nothing exported") != said.npos && said.find("error") == said.npos) return Secret();
  if (said.find("Bad passphrase") != said.npos || said.find("No passphrase given") != said.npos)
    return fail(passphrase.empty() ? "the private key needs a passphrase, and none is given" : "wrong passphrase");
  return fail("gpg does not give the private key out: " + last_line(said));
}

std::vector<std::string> list_gpg_secret_keys(const std::filesystem::path& gpg_home) {
  const auto output = run_gpg(gpg_home, {"--with-colons", "--list-secret-keys"}, "");
  std::vector<std::string> found;
  if (!output) return found;
  // A "sec" line begins a primary key, the "fpr" line that follows it has the fingerprint as its tenth field.
  bool primary = false;
  std::string_view rest = output->out;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with("sec:")) primary = true;
    if (!primary || !line.starts_with("fpr:")) continue;
    const std::size_t end = line.rfind(':');
    const std::size_t begin = line.rfind(':', end - 1) + 1;
    found.emplace_back(line.substr(begin, end - begin));
    primary = false;
  }
  return found;
}

}  // namespace mig_runner::sign
