#include "cli/check_access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file_status.h"
#include "config/tree_layout.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamedJobs = 5;

std::string listed(const std::set<std::string>& jobs) {
  std::string text;
  std::size_t named = 0;
  for (const auto& job : jobs) {
    if (named++ == kNamedJobs) return text + " and " + std::to_string(jobs.size() - kNamedJobs) + " more";
    text += (text.empty() ? "" : ", ") + job;
  }
  return text;
}

// Why this user cannot write there; empty: it can, or nothing stands there.
std::string hindrance(const fs::path& path, int mode) {
  if (faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 || means_absent(errno)) return "";
  return std::strerror(errno);
}

// `what_fails`: as in "and so ..".
void require_writable(const fs::path& path, int mode, const std::string& what_fails, Problems& problems) {
  const auto why = hindrance(path, mode);
  if (why.empty()) return;
  problems.push_back({path, 0, 0,
                      "the user " + user_text(geteuid()) + " cannot write to it, and so " + what_fails + ": " + why +
                          " (mig-runner check is to be called as the runner's user)"});
}

constexpr int kDirectory = W_OK | X_OK;

// The directory, or the nearest above it that is there: it will be made in it.
fs::path nearest_there(fs::path directory) {
  std::error_code error;
  while (!fs::exists(directory, error) && directory.has_relative_path()) directory = directory.parent_path();
  return directory;
}

void check_log_file(const config::LoggingConfig& logging, Problems& problems) {
  if (logging.mode != config::LoggingConfig::Mode::file || logging.file.empty()) return;
  std::error_code error;
  const auto file = fs::absolute(logging.file, error);
  const std::string fails = "the runner cannot start";
  if (!fs::exists(file, error)) return require_writable(file.parent_path(), kDirectory, fails, problems);
  require_writable(file, W_OK, fails, problems);
  if (logging.maxfilesize > 0 && fs::is_regular_file(file, error))
    require_writable(file.parent_path(), kDirectory, "the log cannot be rotated (maxfilesize)", problems);
}

}  // namespace

void OtherWriters::look_at(const std::vector<runner::GuardedPath>& paths, const std::string& job) {
  for (const auto& guarded : paths) {
    const auto& [path, reach, entries] = guarded;
    const auto writers = runner::writers_of(guarded, runner_user_);
    // Those who read it tell why it cannot be looked at.
    if (const auto there = file_status(path, Symlinks::followed); !there) continue;
    if (!writers) {
      troubles_.push_back({path, 0, 0, "it cannot be told who may write to it: " + writers.error().text()});
      continue;
    }
    for (const auto& writer : *writers) {
      auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& known) {
        return known.writer.kind == writer.kind && known.writer.place == writer.place;
      });
      if (place == places_.end()) place = places_.insert(places_.end(), Place{writer, reach, job.empty(), {}});
      if (!job.empty()) place->jobs.insert(job);
    }
  }
}

std::vector<OtherWriters::Found> OtherWriters::found() const {
  std::vector<Found> all;
  for (const auto& problem : troubles_) all.push_back({problem, ""});
  for (const auto& [writer, reach, of_configuration, jobs] : places_) {
    const bool shared = !of_configuration && jobs.size() > 1;
    const bool of_one = !of_configuration && jobs.size() == 1;
    auto text = writer.text("it", reach) + (shared ? " (jobs " + listed(jobs) + ")" : "");
    all.push_back({{writer.place, 0, 0, std::move(text), writer.is_serious()}, of_one ? *jobs.begin() : ""});
  }
  return all;
}

uid_t runner_user(const fs::path& directory) {
  const auto state = file_status(config::state_in(directory), Symlinks::followed);
  return state && *state ? (*state)->st_uid : geteuid();
}

void check_storage(const config::RunnerConfig& runner, Problems& problems) {
  std::error_code error;
  if (fs::is_directory(runner.directory, error)) {
    const std::string fails = "the runner cannot start";
    const auto state = config::state_in(runner.directory);
    require_writable(nearest_there(state), kDirectory, fails, problems);
    for (const auto& file : {state / "lock", config::database_in(runner.directory)})
      require_writable(file, W_OK, fails, problems);
  }
  check_log_file(runner.logging, problems);
}

void check_results_directory(const fs::path& job_directory, Timestamp now, Problems& problems) {
  auto day = format_utc(now).substr(0, 10);
  std::erase(day, '-');
  const auto results = job_directory / "results";
  for (const auto& directory : {results, results / day}) {
    const auto status = file_status(directory, Symlinks::refused);
    if (!status || !*status || !S_ISLNK((*status)->st_mode)) continue;
    problems.push_back(
        {directory, 0, 0, "it is a symlink, which the runner does not follow: results cannot be stored"});
    return;
  }
  require_writable(nearest_there(results / day), kDirectory, "results cannot be stored", problems);
}

}  // namespace mig_runner::cli
