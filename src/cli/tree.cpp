#include "cli/tree.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/nearest.h"
#include "runner/configuration.h"
#include "spool/job_reader.h"
#include "spool/spool.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

// Errors as one text, a line each.
Error joined(const std::vector<config::Problem>& problems) {
  Error error;
  for (const auto& problem : problems) {
    if (!problem.fatal) continue;
    if (!error.what.empty()) error.what += '\n';
    error.what += problem.text();
  }
  return error;
}

// Of a job that was removed, or is another member's.
bool holds_only_results(const fs::path& directory) {
  std::error_code error;
  const fs::directory_iterator entries(directory, error);
  const bool any_file = std::any_of(begin(entries), end(entries), [](const auto& entry) {
    std::error_code ignored;
    return !entry.is_directory(ignored);
  });
  return !error && !any_file && fs::is_directory(directory / "results", error);
}

}  // namespace

Result<std::vector<std::string>> job_directories(const fs::path& runners) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(runners, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    auto name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->is_directory(ignored) && !holds_only_results(entry->path()))
      names.push_back(std::move(name));
  }
  if (error) return fail("the directory of jobs cannot be read: " + error.message(), runners);
  std::sort(names.begin(), names.end());
  return names;
}

std::string no_such_job(const std::string& name, const std::vector<std::string>& names) {
  const auto nearest = nearest_name(name, names);
  return "there is no job \"" + name + "\"" + (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

Tree::Tree(fs::path runner_cfg, config::RunnerConfig config)
    : runner_cfg_(std::move(runner_cfg)), config_(std::move(config)) {}

Result<Tree> Tree::open(const fs::path& runner_cfg) {
  std::vector<config::Problem> problems;
  auto file = runner::read_runner_config(runner_cfg, problems);
  if (!file || config::any_fatal(problems)) return tl::unexpected(joined(problems));
  return Tree(runner_cfg, std::move(file->config));
}

Result<std::vector<std::string>> Tree::job_names() const {
  return job_directories(runners());
}

Result<spool::JobPtr> Tree::job(const std::string& name) const {
  auto problem = spool::job_name_problem(name);
  std::error_code ignored;
  // The others are listed only to name the nearest: whoever asks for all jobs would list them once for each.
  if (!problem.empty() || !fs::is_directory(runners() / name, ignored)) {
    const auto names = job_names();
    if (!names) return tl::unexpected(names.error());
    if (!std::binary_search(names->begin(), names->end(), name)) return fail(no_such_job(name, *names), runners());
  }
  if (!problem.empty()) return fail(std::move(problem), runners() / name);
  auto checked = spool::read_job(spool::read_job_files(runners() / name), name, config_.job_defaults);
  if (!checked.value) return tl::unexpected(joined(checked.problems));
  return std::make_shared<const spool::Job>(std::move(*checked.value));
}

Result<std::map<std::string, std::string>> Tree::macros() const {
  std::vector<config::Problem> problems;
  auto file = runner::read_client_config(config_, runner_cfg_, problems);
  if (!file) return tl::unexpected(joined(problems));
  return std::move(file->config.macros);
}

}  // namespace mig_runner::cli
