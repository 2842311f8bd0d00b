#include "cli/check_access.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

// False, and told, where the user cannot write to it. Nothing that stands there, or that cannot be asked, is told.
// `what_fails`: as in "and so ..".
bool require_writable(const JudgedUser& user, const fs::path& path, int mode, const std::string& what_fails,
                      Problems& problems) {
  if (!user.may_be_asked_for()) return true;
  const auto answer = user.access(path, mode);
  if (answer && (*answer == 0 || means_absent(*answer))) return true;
  const std::string other = user.is_caller() ? " (mig-runner check is to be called as the runner's user)" : "";
  problems.push_back({path, 0, 0,
                      answer ? "the user " + user_text(user.id()) + " cannot write to it, and so " + what_fails + ": " +
                                   std::strerror(*answer) + other
                             : "it cannot be told whether the runner can write to it: " + answer.error().text()});
  return false;
}

constexpr int kDirectory = W_OK | X_OK;

// The directory, or the nearest above it that is there: it will be made in it. One that cannot be looked at is as one
// that is there.
fs::path nearest_there(fs::path directory) {
  while (directory.has_relative_path()) {
    const auto status = file_status(directory, Symlinks::followed);
    if (!status || *status) break;
    directory = directory.parent_path();
  }
  return directory;
}

void check_log_file(const config::LoggingConfig& logging, const JudgedUser& user, Problems& problems) {
  if (logging.mode != config::LoggingConfig::Mode::file || logging.file.empty()) return;
  std::error_code error;
  const auto file = fs::absolute(logging.file, error);
  const std::string fails = "the runner cannot start";
  const auto status = file_status(file, Symlinks::followed);
  if (status && !*status) {
    require_writable(user, file.parent_path(), kDirectory, fails, problems);
    return;
  }
  if (!require_writable(user, file, W_OK, fails, problems)) return;
  if (logging.maxfilesize > 0 && status && S_ISREG((*status)->st_mode))
    require_writable(user, file.parent_path(), kDirectory, "the log cannot be rotated (maxfilesize)", problems);
}

}  // namespace

void OtherWriters::look_at(const std::vector<stages::GuardedPath>& paths, const std::string& job) {
  for (const auto& guarded : paths) {
    const auto& [path, reach, entries] = guarded;
    const auto writers = stages::writers_of(guarded, runner_user_);
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

void check_storage(const config::RunnerConfig& runner, Problems& problems) {
  const auto user = JudgedUser::of(runner.directory);
  const auto state = config::state_in(runner.directory);
  if (!user.may_be_asked_for()) {
    problems.push_back({state, 0, 0,
                        "whether " + user_text(user.id()) +
                            ", its owner, can write where the runner has to cannot be "
                            "told: call mig-runner check as this user or as root",
                        false});
    return;
  }
  if (directory_exists(runner.directory).value_or(false)) {
    const std::string fails = "the runner cannot start";
    const auto files = {state / "lock", config::database_in(runner.directory)};
    if (require_writable(user, nearest_there(state), kDirectory, fails, problems))
      for (const auto& file : files) require_writable(user, file, W_OK, fails, problems);
  }
  check_log_file(runner.logging, user, problems);
}

void check_results_directory(const fs::path& job_directory, const JudgedUser& user, Timestamp now, Problems& problems) {
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
  require_writable(user, nearest_there(results / day), kDirectory, "results cannot be stored", problems);
}

}  // namespace mig_runner::cli
