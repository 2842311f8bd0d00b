#include "report/jobs.h"

#include <algorithm>

#include "report/run.h"

namespace mig_runner::report {
namespace {

std::size_t count(const std::vector<config::Problem>& problems, bool fatal) {
  return static_cast<std::size_t>(
      std::count_if(problems.begin(), problems.end(), [&](const auto& problem) { return problem.fatal == fatal; }));
}

}  // namespace

std::size_t Job::errors() const {
  return count(problems, true);
}

std::size_t Job::warnings() const {
  return count(problems, false);
}

Result<void> JobRecords::read(store::RunStore& store) {
  auto pauses = store.paused();
  if (!pauses) return tl::unexpected(pauses.error());
  paused = std::move(*pauses);
  auto runs = store.last_runs();
  if (!runs) return tl::unexpected(runs.error());
  for (auto& run : *runs) last.emplace(run.job, std::move(run));
  return {};
}

void JobRecords::describe(Job& job, Timestamp now) const {
  if (const auto pause = paused.find(job.name); pause != paused.end()) job.paused_since = pause->second.since;
  if (job.job && job.job->config.settings.enabled && !job.paused_since)
    job.next = job.job->schedule.next(now, job.job->zone);
  if (const auto run = last.find(job.name); run != last.end()) job.last = run->second;
}

Json jobs_json(const std::vector<Job>& jobs) {
  Json list = Json::array();
  for (const auto& each : jobs) {
    const auto* job = each.job ? &*each.job : nullptr;
    Json problems = Json::array();
    for (const auto& problem : each.problems) problems.push_back(problem_json(problem));
    list.push_back({{"job", each.name},
                    {"schedule", job ? Json(job->config.schedule) : Json()},
                    {"description", job ? Json(job->schedule.describe()) : Json()},
                    {"timezone", job ? Json(job->zone.name()) : Json()},
                    {"enabled", job ? Json(job->config.settings.enabled) : Json()},
                    {"paused_since", json_time(each.paused_since)},
                    {"next", json_time(each.next)},
                    {"plugin", job ? json_text(job->config.plugin) : Json()},
                    {"last", each.last ? run_json(*each.last) : Json()},
                    {"problems", std::move(problems)}});
  }
  return {{"jobs", std::move(list)}};
}

}  // namespace mig_runner::report
