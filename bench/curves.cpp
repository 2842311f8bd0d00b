#include <fmt/format.h>

#include "bench/collected_action.h"
#include "bench/rows.h"

namespace mig_bench {
namespace {

void agents_curve() {
  fmt::print("\n| agents | wall ms | CPU ms | CPU us a command | peak MiB |\n| --- | --- | --- | --- | --- |\n");
  for (const int agents : {1'000, 10'000, 100'000}) {
    const CollectedAction action(agents);
    std::vector<double> wall, cpu, peak;
    for (int round = 0; round < 3; ++round) {
      Collecting collecting(action);
      wall.push_back(collecting.cost.wall_ms);
      cpu.push_back(collecting.cost.cpu_ms);
      peak.push_back(collecting.tree.runner().peak_mib());
    }
    fmt::print("| {} | {:.0f} | {:.0f} | {:.1f} | {:.1f} |\n", agents, median(wall), median(cpu),
               median(cpu) / agents * 1000, median(peak));
  }
}

void jobs_curve() {
  fmt::print("\n| jobs | start ms | resident MiB |\n| --- | --- | --- |\n");
  for (const int jobs : {100, 1'000, 10'000}) {
    Tree tree(1, "timezone = Europe/Berlin");
    for (int i = 0; i < jobs; ++i) write_idle_job(tree, i);
    std::vector<double> start, resident;
    for (int round = 0; round < 3; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      tree.start();
      start.push_back(milliseconds_between(begin, std::chrono::steady_clock::now()));
      resident.push_back(tree.runner().resident_mib());
      tree.runner().stop();
    }
    fmt::print("| {} | {:.0f} | {:.1f} |\n", jobs, median(start), median(resident));
  }
}

void runs_curve() {
  fmt::print("\n| past runs | status ms | list ms | history ms | bytes a run | start after a clean stop, ms |\n");
  fmt::print("| --- | --- | --- | --- | --- | --- |\n");
  for (const int runs_each : {100, 1'000, 10'000}) {
    const int jobs = 100;
    Tree tree(1);
    fill_history(tree, jobs, runs_each);
    const auto costs = history_costs(tree, 5);
    const auto begin = std::chrono::steady_clock::now();
    tree.start();
    const double start = milliseconds_between(begin, std::chrono::steady_clock::now());
    fmt::print("| {} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} |\n", jobs * runs_each, costs.status_ms,
               costs.list_ms, costs.history_ms, costs.bytes / (jobs * runs_each), start);
  }
}

}  // namespace

void print_curves() {
  agents_curve();
  jobs_curve();
  runs_curve();
  print_group_curve();
}

}  // namespace mig_bench
