#include "runner/leftovers.h"

#include <set>

#include "base/file.h"

namespace mig_runner::runner {

void remove_leftovers(const StageContext& context) {
  std::error_code ignored;
  std::filesystem::remove_all(context.settings.unrecorded_results(), ignored);
  const auto posted = context.store.waiting(store::RunState::posted);
  if (!posted) return context.log.error("Runs to collect cannot be read: " + posted.error().text());
  std::set<std::string> jobs;
  for (const auto& run : *posted) jobs.insert(run.job);
  for (const auto& job : jobs) {
    std::error_code error;
    for (std::filesystem::directory_iterator day(context.settings.job_directory(job) / "results", error), end;
         !error && day != end; day.increment(error))
      remove_temporary_files(day->path());
  }
}

}  // namespace mig_runner::runner
