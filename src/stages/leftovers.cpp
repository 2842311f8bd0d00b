#include "stages/leftovers.h"

#include <set>

#include "base/names.h"
#include "base/path_below.h"

namespace mig_runner::stages {

void remove_leftovers(const StageContext& context) {
  std::error_code ignored;
  std::filesystem::remove_all(context.settings.unrecorded_results(), ignored);
  const auto posted = context.store.waiting(store::RunState::posted);
  if (!posted) return context.log.error("Runs to collect cannot be read: " + posted.error().text());
  std::set<std::string> jobs;
  for (const auto& run : *posted)
    if (job_name_problem(run.job).empty()) jobs.insert(run.job);
  for (const auto& job : jobs) {
    const PathBelow results{context.settings.job_directory(job), "results"};
    const auto days = names_below(results);
    if (!days || !*days) continue;
    for (const auto& day : **days) remove_temporary_files(PathBelow{results.root, results.relative / day});
  }
}

}  // namespace mig_runner::stages
