#include "cli/tree.h"

#include <algorithm>
#include <utility>

#include "base/file_status.h"
#include "base/names.h"
#include "base/nearest.h"
#include "cli/checks.h"
#include "daemon/configuration.h"
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
  const auto names = names_in(directory);
  if (!names || !*names) return false;
  return std::binary_search((*names)->begin(), (*names)->end(), "results") &&
         std::all_of((*names)->begin(), (*names)->end(),
                     [&](const auto& name) { return directory_exists(directory / name).value_or(false); });
}

}  // namespace

Result<std::vector<std::string>> job_directories(const fs::path& runners) {
  auto all = names_in(runners);
  if (!all) return tl::unexpected(all.error());
  if (!*all) return fail("there is no such directory: there are no jobs", runners);
  std::erase_if(**all, [&](const auto& name) {
    if (is_passed_over(name)) return true;
    // One that cannot be looked at is no absent one: reading it tells why.
    return !directory_exists(runners / name).value_or(true) || holds_only_results(runners / name);
  });
  return std::move(**all);
}

std::string no_such_job(const std::string& name, const std::vector<std::string>& names) {
  const auto nearest = nearest_name(name, names);
  return "there is no job \"" + name + "\"" + (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

Tree::Tree(fs::path runner_cfg, config::RunnerConfig config)
    : runner_cfg_(std::move(runner_cfg)), config_(std::move(config)) {}

Result<Tree> Tree::open(const fs::path& runner_cfg) {
  std::vector<config::Problem> problems;
  auto file = daemon::read_runner_config(runner_cfg, problems);
  if (!file || config::any_fatal(problems)) return tl::unexpected(joined(problems));
  return Tree(runner_cfg, std::move(file->config));
}

Result<std::vector<std::string>> Tree::job_names() const {
  return job_directories(runners());
}

Result<spool::JobPtr> Tree::job(const std::string& name) const {
  auto problem = job_name_problem(name);
  // The others are listed only to name the nearest: whoever asks for all jobs would list them once for each.
  if (!problem.empty() || !directory_exists(runners() / name).value_or(true)) {
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
  auto file = daemon::read_client_config(config_, runner_cfg_, problems);
  if (!file) return tl::unexpected(joined(problems));
  return std::move(file->config.macros);
}

}  // namespace mig_runner::cli
