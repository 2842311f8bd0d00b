#include "stages/retention.h"

#include "stages/run_files.h"

namespace mig_runner::stages {

std::optional<Timestamp> Retention::step(Timestamp now) {
  const auto cleaned = clean_all(now);
  if (!cleaned && trouble_.begins())
    context_.log.error("Result files are kept longer than keepresults says: " + cleaned.error().text());
  if (cleaned && trouble_.ends()) context_.log.notice("Result files are removed again as keepresults says.");
  return now + kInterval;
}

// Stops at the first failure of the store: it would fail for every other job too.
Result<void> Retention::clean_all(Timestamp now) {
  for (const auto& job : context_.jobs.all()) {
    const auto& settings = job->config.settings;
    if (settings.keepresults_count <= 0 && settings.keepresults_age.count() <= 0) continue;
    if (auto cleaned = clean(*job, now); !cleaned) return cleaned;
  }
  return {};
}

Result<void> Retention::clean(const spool::Job& job, Timestamp now) {
  const auto& settings = job.config.settings;
  const auto runs = context_.store.settled_results(job.name);
  if (!runs) return tl::unexpected(runs.error());
  std::int64_t kept = 0;
  for (const auto& run : *runs) {
    const bool too_many = settings.keepresults_count > 0 && kept >= settings.keepresults_count;
    const bool too_old =
        settings.keepresults_age.count() > 0 && run.stored_at && now - *run.stored_at > settings.keepresults_age;
    ++kept;
    if (!too_many && !too_old) continue;
    const auto path = result_path(context_.settings.directory, run);
    // First: somebody may just have asked for it to be delivered again.
    if (auto forgotten = context_.store.forget_result(run.number); !forgotten) {
      if (forgotten.error().retry == Retry::later) return forgotten;
      context_.log.error(run.name() + ": its result file is kept: " + forgotten.error().text());
      continue;
    }
    const auto removed = path.and_then(remove_file_below);
    if (!removed) {
      context_.log.warning(run.name() + ": its result file is not removed: " + removed.error().text());
      continue;
    }
    remove_empty_directory_below(path->parent());  // of the day
    context_.log.debug(run.name() + ": result file removed (keepresults)");
  }
  return {};
}

}  // namespace mig_runner::stages
