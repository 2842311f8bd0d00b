#include <fmt/format.h>

#include <filesystem>

#include "bench/rows.h"
#include "store/run_store.h"

// A long history.

namespace mig_bench {
namespace {

using mig_runner::store::Run;
using mig_runner::store::RunStore;

std::string job_name(int number) {
  return fmt::format("job{:04}", number);
}

// A run that was delivered, with all that is known of such a one.
Run past_run(int job, mig_runner::Timestamp nominal, std::int64_t action) {
  using std::chrono::minutes;
  Run run;
  run.job = job_name(job);
  run.nominal = nominal;
  run.state = mig_runner::store::RunState::delivered;
  run.plugin = "findings.py";
  run.action_id = action;
  run.valid_from = nominal - minutes(1);
  run.expire_after = nominal + minutes(5);
  run.posted_at = nominal + std::chrono::milliseconds(3);
  run.stored_at = nominal + minutes(5);
  run.delivered_at = nominal + minutes(6);
  run.result_file = fmt::format("runners/{}/results/20261123/{}.json", run.job, action);
  run.commands = run.expected = 1200;
  run.complete = true;
  return run;
}

void fill(const std::filesystem::path& database, int jobs, int runs_each) {
  auto opened = RunStore::open(database, "bench", now());
  if (!opened) give_up(opened.error().text());
  const auto begin = std::chrono::floor<std::chrono::hours>(now()) - std::chrono::hours(runs_each);
  for (int i = 0; i < runs_each; ++i) {
    std::vector<Run> runs;
    for (int job = 0; job < jobs; ++job)
      runs.push_back(past_run(job, begin + std::chrono::hours(i), 7'000'000'000 + std::int64_t{i} * jobs + job));
    if (const auto planned = opened->store->plan({}, runs); !planned) give_up(planned.error().text());
  }
}

}  // namespace

Rows history_rows(const Options& options) {
  const int jobs = 1000;
  const int runs_each = options.quick ? 100 : 1000;
  const Sandbox sandbox;
  const Tree tree(sandbox.port());
  for (int i = 0; i < jobs; ++i) tree.job(job_name(i), "schedule = 0 * * * *\nplugin = findings.py\n", small_action());
  tree.plugin("findings.py", "exit 0");
  const auto database = tree.path("tree/state/runs.db");
  fill(database, jobs, runs_each);
  const double runs = jobs * runs_each;
  Rows rows;
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"status"}, {"list"}, {"history", job_name(jobs / 2), "-n", "20"}}) {
    std::string name;
    for (const auto& word : command) name += (name.empty() ? "" : " ") + word;
    std::vector<double> wall;
    for (int round = 0; round < 2 * options.rounds(); ++round)
      wall.push_back(run(tree.command(command), tree.path("command.log")).wall_ms);
    rows.push_back(bounded(fmt::format("history of {} runs: {}", runs, name), median(wall), "ms", 50));
  }
  rows.push_back(
      bounded("  size on disk a run", static_cast<double>(std::filesystem::file_size(database)) / runs, "bytes", 400));
  return rows;
}

}  // namespace mig_bench
