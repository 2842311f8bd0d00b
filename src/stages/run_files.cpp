#include "stages/run_files.h"

#include "base/names.h"
#include "base/time.h"
#include "config/tree_layout.h"
#include "results/result_file.h"

namespace mig_runner::stages {

Result<PathBelow> result_path(const std::filesystem::path& directory, const store::Run& run) {
  if (const auto problem = result_file_problem(run.job, run.result_file); !problem.empty())
    return fail("the record of runs names \"" + run.result_file + "\" as its result file, which is refused: " + problem,
                run.name());
  // The job's own directory may be a symlink of the operator's.
  const auto job = std::filesystem::path("runners") / run.job;
  return PathBelow{directory / job, std::filesystem::path(run.result_file).lexically_relative(job)};
}

PathBelow inflight_path(const std::filesystem::path& directory, const store::Run& run) {
  return {config::runners_in(directory) / run.job,
          std::filesystem::path("inflight") / (std::to_string(run.action_id) + ".json")};
}

Result<std::string> plugin_of(const store::Run& run, const spool::Job* job) {
  if (job != nullptr) return job->config.plugin;
  if (const auto problem = plugin_name_problem(run.plugin); !problem.empty())
    return fail("the record of runs names \"" + run.plugin + "\" as its plugin, which is refused: " + problem,
                run.name());
  return run.plugin;
}

std::string new_result_file(const store::Run& run, bool compressed, Timestamp now) {
  auto day = format_utc(now).substr(0, 10);
  std::erase(day, '-');
  return "runners/" + run.job + "/results/" + day + "/" + std::to_string(run.action_id) + ".json" +
         (compressed ? std::string(results::kCompressedEnding) : "");
}

}  // namespace mig_runner::stages
