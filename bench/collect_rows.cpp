#include <fmt/format.h>

#include <filesystem>

#include "bench/collected_action.h"
#include "bench/rows.h"

// Collecting the results of many agents into a durable file.

namespace mig_bench {
namespace {

constexpr int kPageSize = 1000;  // the runner's defaults
constexpr int kParallel = 4;

// curl fetches the same pages, as many at a time, to a file, which is then flushed.
Cost curl_fetch(const CollectedAction& action) {
  const Scratch scratch;
  std::string urls = fmt::format("header = \"X-MIGAPIKEY: {}\"\n", kApiKey);
  for (int offset = 0; offset < action.commands; offset += kPageSize)
    urls += fmt::format("url = \"{}search?type=command&limit={}&offset={}&actionid={}\"\n", action.sandbox.url(),
                        kPageSize, offset, action.id);
  const auto list = scratch.path() / "urls";
  const auto file = scratch.path() / "commands";
  write_text(list, urls);
  const auto fetched = run({"curl", "--silent", "--fail", "--parallel", "--parallel-immediate", "--parallel-max",
                            std::to_string(kParallel), "--config", list},
                           file);
  const auto flushed = run({"sync", file}, scratch.path() / "sync.log");
  return {fetched.wall_ms + flushed.wall_ms, fetched.cpu_ms + flushed.cpu_ms};
}

double peak_after_collecting(int agents) {
  const CollectedAction action(agents);
  Collecting collecting(action);
  return collecting.tree.runner().peak_mib();
}

}  // namespace

Rows collect_rows(const Options& options) {
  const int count = options.quick ? 20'000 : 100'000;
  std::vector<double> wall, cpu, bare_wall, bare_cpu, peak;
  std::uintmax_t bytes = 0;
  {
    const CollectedAction action(count);
    for (int round = 0; round < options.rounds(); ++round) {
      const auto bare = curl_fetch(action);
      Collecting collecting(action);
      bytes = std::filesystem::file_size(collecting.file);
      bare_wall.push_back(bare.wall_ms);
      bare_cpu.push_back(bare.cpu_ms);
      wall.push_back(collecting.cost.wall_ms);
      cpu.push_back(collecting.cost.cpu_ms);
      peak.push_back(collecting.tree.runner().peak_mib());
    }
  }
  const double small = peak_after_collecting(count / 100);
  const double middle = peak_after_collecting(count / 10);
  const double large = percentile(peak, 1);
  const double growth = (large - small) * 1024 * 1024 / (count - count / 100);
  const auto work = fmt::format("collecting {} commands, {} MB: ", count, bytes / 1'000'000);
  return {compared(work + "wall / curl to a file and fsync", median(wall), median(bare_wall), "ms", 1.5),
          compared(work + "CPU / the same", median(cpu), median(bare_cpu), "ms", 2),
          bounded("  peak memory", large, "MiB", 64),
          bounded(fmt::format("  its growth a command ({:.1f}, {:.1f}, {:.1f} MiB at {}, {}, {})", small, middle, large,
                              count / 100, count / 10, count),
                  growth, "bytes", 100)};
}

}  // namespace mig_bench
