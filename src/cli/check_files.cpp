#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <system_error>

#include "base/file.h"
#include "base/file_status.h"
#include "base/nearest.h"
#include "cli/checks.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

std::optional<unsigned> mode_of(const fs::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_mode;
}

std::vector<std::string> file_names(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  return names;
}

// The first line, as far as the kernel reads it; nullopt where the program may be run, but not read.
std::optional<std::string> first_line(const fs::path& program) {
  std::array<char, 256> begin{};
  const UniqueFd fd(open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const auto size = fd ? read(fd.get(), begin.data(), begin.size()) : -1;
  if (size < 0) return std::nullopt;
  const std::string text(begin.data(), static_cast<std::size_t>(size));
  return text.substr(0, text.find('\n'));
}

// How the kernel would start it.
void check_start(const fs::path& program, Problems& problems) {
  const auto line = first_line(program);
  if (!line || line->starts_with("\x7F"
                                 "ELF"))
    return;
  if (!line->starts_with("#!")) {
    problems.push_back({program, 1, 1,
                        "it begins neither with #! nor as a program does, so that it cannot be started (exec format "
                        "error): begin it with a line such as #!/bin/sh",
                        false});
    return;
  }
  const auto begin = std::min(line->find_first_not_of(" \t", 2), line->size());
  const auto interpreter = line->substr(begin, line->find_first_of(" \t", begin) - begin);
  const bool found = access(interpreter.c_str(), X_OK) == 0;
  if (line->ends_with('\r')) {
    problems.push_back({program, 1, 3,
                        std::string("the line ends in a carriage return, which becomes part of ") +
                            (found ? "the interpreter's argument" : "the interpreter's name") +
                            ": save the file with the line ends of Unix",
                        !found});
  } else if (!found) {
    problems.push_back({program, 1, 3, "its interpreter " + interpreter + " cannot be run"});
  }
}

}  // namespace

Result<bool> directory_exists(const fs::path& path) {
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  return *status && S_ISDIR((*status)->st_mode);
}

void refuse_readable_by_others(const fs::path& path, std::string_view secret, Problems& problems) {
  const auto mode = mode_of(path);
  if (!mode || (*mode & S_IROTH) == 0) return;
  problems.push_back({path, 0, 0, "it holds " + std::string(secret) + ", and everybody may read it: chmod o-r"});
}

void check_plugin(const fs::path& plugins, const std::string& name, const fs::path& entity_cfg, Problems& problems) {
  const auto path = plugins / name;
  const auto status = file_status(path, Symlinks::followed);
  if (!status) {
    problems.push_back({path, 0, 0, status.error().what});
    return;
  }
  const auto mode = mode_of(path);
  if (!*status || !mode) {
    const auto nearest = nearest_name(name, file_names(plugins));
    problems.push_back(
        {entity_cfg, 0, 0,
         "there is no plugin " + path.string() + (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?")});
  } else if (!S_ISREG(*mode)) {
    problems.push_back({path, 0, 0, "a plugin has to be a file that can be run"});
  } else if ((*mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
    problems.push_back({path, 0, 0, "the plugin cannot be run: chmod +x"});
  } else {
    check_start(path, problems);
  }
}

}  // namespace mig_runner::cli
