#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "bench/collected_action.h"
#include "bench/large_answers.h"
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

double mib(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 20U);
}

// Memory of the whole runner. What agents honestly send stays below what the runner may always have; one answer that is
// larger may take twice its size for a while.
Rows memory_rows(const Options& options) {
  Rows rows;
  for (const auto& [work, shape] : {std::pair("900 commands of 300 KB", LargeAnswers::Shape{900, 300'000}),
                                    std::pair("215 commands of 1.2 MB", LargeAnswers::Shape{215, 1'200'000})}) {
    const LargeAnswers api(shape);
    Collecting collecting(api.port(), api.action());
    rows.push_back(bounded(fmt::format("  peak memory, {}", work), collecting.tree.runner().peak_mib(), "MiB", 64));
  }
  const std::size_t huge = options.quick ? 50'000'000 : 200'000'000;
  const LargeAnswers api({100, 3'000, huge, "[],"});
  Collecting collecting(api.port(), api.action());
  const auto work = fmt::format("one command of {} MB, all of it \"[],\"", huge / 1'000'000);
  rows.push_back(
      bounded(fmt::format("  peak memory, {}", work), collecting.tree.runner().peak_mib(), "MiB", 2 * mib(huge)));
  rows.push_back(bounded("  memory afterwards", collecting.tree.runner().resident_mib(), "MiB", 64));
  return rows;
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
  const int more = count - count / 100;
  const double growth = (large - small) * 1024 * 1024 / more;
  const auto work = fmt::format("collecting {} commands, {} MB: ", count, bytes / 1'000'000);
  Rows rows{compared(work + "wall / curl to a file and fsync", median(wall), median(bare_wall), "ms", 1.15),
            compared(work + "CPU / the same", median(cpu), median(bare_cpu), "ms", 1.5),
            bounded("  peak memory", large, "MiB", 64),
            bounded(fmt::format("  its growth a command ({:.1f}, {:.1f}, {:.1f} MiB at {}, {}, {})", small, middle,
                                large, count / 100, count / 10, count),
                    growth, "bytes", 100)};
  for (auto& row : memory_rows(options)) rows.push_back(std::move(row));
  return rows;
}

}  // namespace mig_bench
