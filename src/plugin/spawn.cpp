#include "plugin/spawn.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/file_status.h"

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
  auto all = environment_with(request.environment);
  const auto added = all.end() - static_cast<std::ptrdiff_t>(request.environment.size());
  all.erase(std::remove_if(all.begin(), added, [](const auto& entry) { return !inherited(entry); }), added);
  return all;
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

  const Program program{.arguments = {request.executable.string()},
                        .environment = environment_for(request),
                        .directory = request.working_directory,
                        .input = Stream{standard_input, {}, 0},
                        .output = Stream::of(output->writer),
                        .errors = Stream::of(errors->writer),
                        .group = Program::Group::own};
  auto child = Child::start(program);
  if (!child && child.error() == ENOEXEC)
    return fail("the plugin is neither a program nor a script with #!", request.executable);
  if (!child)
    return fail(std::string("it cannot be started: ") + std::strerror(child.error()), request.executable,
                is_of_the_program(child.error()) ? Retry::no : Retry::later);
  return Spawned{std::move(*child), std::move(output->reader), std::move(errors->reader), std::move(feed.writer)};
}

}  // namespace mig_runner::plugin
