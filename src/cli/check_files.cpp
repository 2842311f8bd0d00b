#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <system_error>

#include "base/file.h"
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

// The program that "#!" names, as the kernel reads it: up to a blank or the end of the line. Empty: there is none.
std::string interpreter_of(const fs::path& script) {
  std::array<char, 256> begin{};
  const UniqueFd fd(open(script.c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = fd ? read(fd.get(), begin.data(), begin.size()) : 0;
  std::string_view line(begin.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!line.starts_with("#!")) return "";
  line.remove_prefix(std::min(line.find_first_not_of(" \t", 2), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t\n")));
}

void check_interpreter(const fs::path& script, Problems& problems) {
  const auto interpreter = interpreter_of(script);
  if (interpreter.empty() || access(interpreter.c_str(), X_OK) == 0) return;
  const bool dos = interpreter.ends_with('\r');
  problems.push_back({script, 1, 3,
                      dos ? "the line ends in a carriage return, which becomes part of the interpreter's name"
                          : "its interpreter " + interpreter + " cannot be run"});
}

}  // namespace

void refuse_writable_by_others(const fs::path& path, Problems& problems) {
  const auto mode = mode_of(path);
  const bool shared = mode && S_ISDIR(*mode) && (*mode & S_ISVTX) != 0;
  if (!mode || (*mode & S_IWOTH) == 0 || shared) return;
  problems.push_back({path, 0, 0, "everybody may write to it, and so decide what is launched: chmod o-w"});
}

void refuse_readable_by_others(const fs::path& path, std::string_view secret, Problems& problems) {
  const auto mode = mode_of(path);
  if (!mode || (*mode & S_IROTH) == 0) return;
  problems.push_back({path, 0, 0, "it holds " + std::string(secret) + ", and everybody may read it: chmod o-r"});
}

void check_plugin(const fs::path& plugins, const std::string& name, const fs::path& entity_cfg, Problems& problems) {
  const auto path = plugins / name;
  const auto mode = mode_of(path);
  if (!mode) {
    const auto nearest = nearest_name(name, file_names(plugins));
    problems.push_back(
        {entity_cfg, 0, 0,
         "there is no plugin " + path.string() + (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?")});
  } else if (!S_ISREG(*mode)) {
    problems.push_back({path, 0, 0, "a plugin has to be a file that can be run"});
  } else if ((*mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
    problems.push_back({path, 0, 0, "the plugin cannot be run: chmod +x"});
  } else {
    check_interpreter(path, problems);
  }
  refuse_writable_by_others(path, problems);
}

}  // namespace mig_runner::cli
