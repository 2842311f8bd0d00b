#include "plugin/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/children.h"
#include "base/file_status.h"

extern char** environ;

namespace mig_runner::plugin {
namespace {

// Ours alone: the passphrase and where it lies, passwords of the database, the line to the service manager. Everything
// else is passed on, as the original did: plugins are configured by it.
constexpr std::array<std::string_view, 11> kWithheld{
    "MIGPGPPASSPHRASE", "CREDENTIALS_DIRECTORY", "PGPASSWORD",    "PGPASSFILE", "PGSERVICEFILE", "PGSSLKEY",
    "NOTIFY_SOCKET",    "WATCHDOG_PID",          "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS"};

bool inherited(std::string_view entry) {
  const auto name = entry.substr(0, entry.find('='));
  return std::find(kWithheld.begin(), kWithheld.end(), name) == kWithheld.end();
}

std::vector<std::string> environment_for(const Request& request) {
  std::vector<std::string> all;
  const auto replaced = [&](std::string_view entry) {
    const auto name = entry.substr(0, entry.find('='));
    return std::any_of(request.environment.begin(), request.environment.end(),
                       [&](const auto& added) { return added.first == name; });
  };
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (inherited(*entry) && !replaced(*entry)) all.emplace_back(*entry);
  for (const auto& [name, value] : request.environment) all.push_back(name + "=" + value);
  return all;
}

struct Pipe {
  UniqueFd reader, writer;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("no pipe for a plugin's output");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  return pipe;
}

// Retry::no where the plugin itself is at fault; what cannot be told now says nothing about it.
Result<void> check_executable(const std::filesystem::path& path) {
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return fail("there is no such plugin", path);
  if (!S_ISREG((*status)->st_mode)) return fail("the plugin is not a file", path);
  if (access(path.c_str(), X_OK) == 0) return {};
  if (errno == EACCES) return fail("the plugin is not executable (chmod +x)", path);
  return fail_errno("the plugin cannot be looked at", path);
}

// Of posix_spawn: what it says of the program, and not of this process or its surroundings.
bool is_of_the_program(int error) {
  constexpr std::array kOfTheProgram{ENOEXEC, ENOENT, EACCES, ENOTDIR, ELOOP, EISDIR, EINVAL, ELIBBAD};
  return std::find(kOfTheProgram.begin(), kOfTheProgram.end(), error) != kOfTheProgram.end();
}

Result<UniqueFd> open_input(const std::filesystem::path& path) {
  auto input = open_regular(path);
  if (!input) return fail("the plugin's input: " + input.error().what, path, Retry::later);
  if (!*input) return fail("the plugin's input is not there", path, Retry::later);
  return std::move(**input);
}

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&actions_); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Result<Spawned> spawn(const Request& request) {
  if (auto usable = check_executable(request.executable); !usable) return tl::unexpected(usable.error());
  Pipe feed;
  if (request.feed) {
    auto made = make_pipe();
    if (!made) return tl::unexpected(made.error());
    feed = std::move(*made);
  }
  const bool has_input = request.feed || request.open_input >= 0;
  auto input = has_input ? Result<UniqueFd>(std::move(feed.reader)) : open_input(request.input);
  if (!input) return tl::unexpected(input.error());
  const int standard_input = request.open_input >= 0 ? request.open_input : input->get();
  auto output = make_pipe();
  auto errors = make_pipe();
  if (!output || !errors) return tl::unexpected(output ? errors.error() : output.error());

  // Our ends.
  for (const auto& end : {std::cref(output->reader), std::cref(errors->reader), std::cref(feed.writer)})
    if (end.get()) fcntl(end.get().get(), F_SETFL, O_NONBLOCK);

  Actions actions;
  posix_spawn_file_actions_addchdir_np(actions.get(), request.working_directory.c_str());
  posix_spawn_file_actions_adddup2(actions.get(), standard_input, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output->writer.get(), 1);
  posix_spawn_file_actions_adddup2(actions.get(), errors->writer.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(actions.get(), 3);

  std::vector<std::string> arguments{request.executable.string()};
  auto environment = environment_for(request);
  const Attributes attributes;
  pid_t process = -1;
  const int error = start_child(process, [&](pid_t& child) {
    return posix_spawn(&child, request.executable.c_str(), actions.get(), attributes.get(), pointers(arguments).data(),
                       pointers(environment).data());
  });
  if (error == ENOEXEC) return fail("the plugin is neither a program nor a script with #!", request.executable);
  if (error != 0)
    return fail(std::string("it cannot be started: ") + std::strerror(error), request.executable,
                is_of_the_program(error) ? Retry::no : Retry::later);
  UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!handle) {
    auto failure = fail_errno("no handle for a plugin's process", request.executable);
    kill(-process, SIGKILL);
    disown_child(process);
    return failure;
  }
  return Spawned{process, std::move(handle), std::move(output->reader), std::move(errors->reader),
                 std::move(feed.writer)};
}

}  // namespace mig_runner::plugin
