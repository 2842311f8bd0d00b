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

// `status` also says by its exit status that no runner is at work.
double command_ms(const Tree& tree, const std::vector<std::string>& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  Process process(tree.command(arguments), tree.path("command.log"));
  process.end();
  return milliseconds_between(begin, std::chrono::steady_clock::now());
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

}  // namespace

void fill_history(const Tree& tree, int jobs, int runs_each) {
  for (int i = 0; i < jobs; ++i) tree.job(job_name(i), "schedule = 0 * * * *\nplugin = findings.py\n", small_action());
  tree.plugin("findings.py", "exit 0");
  const auto database = tree.path("tree/state/runs.db");
  auto opened = RunStore::open(database, "bench", now());
  if (!opened) give_up(opened.error().text());
  const auto begin = std::chrono::floor<std::chrono::hours>(now()) - std::chrono::hours(runs_each);
  for (int i = 0; i < runs_each; ++i) {
    std::vector<Run> runs;
    for (int job = 0; job < jobs; ++job)
      runs.push_back(past_run(job, begin + std::chrono::hours(i), 7'000'000'000 + std::int64_t{i} * jobs + job));
    if (const auto planned = opened->store->add(runs); !planned) give_up(planned.error().text());
  }
}

HistoryCosts history_costs(const Tree& tree, int rounds) {
  const auto median_of = [&](const std::vector<std::string>& arguments) {
    std::vector<double> wall;
    for (int round = 0; round < rounds; ++round) wall.push_back(command_ms(tree, arguments));
    return median(wall);
  };
  return {median_of({"status"}), median_of({"list"}), median_of({"history", job_name(50), "-n", "20"}),
          static_cast<double>(std::filesystem::file_size(tree.path("tree/state/runs.db")))};
}

Rows history_rows(const Options& options) {
  const int jobs = 100;
  const int runs_each = options.quick ? 1000 : 10'000;
  const Tree tree(1);
  fill_history(tree, jobs, runs_each);
  const double runs = jobs * runs_each;
  const auto costs = history_costs(tree, 2 * options.rounds());
  const auto work = fmt::format("history of {} runs: ", runs);
  return {bounded(work + "status", costs.status_ms, "ms", 50), bounded(work + "list", costs.list_ms, "ms", 50),
          bounded(work + "history JOB -n 20", costs.history_ms, "ms", 50),
          bounded("  size on disk a run", costs.bytes / runs, "bytes", 400)};
}

}  // namespace mig_bench
