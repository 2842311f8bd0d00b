#include <fmt/format.h>

#include <filesystem>

#include "bench/collected_action.h"
#include "bench/rows.h"

// Giving a large result to a plugin that reads all of it.

namespace mig_bench {
namespace {

constexpr const char* kScript = "exec sha256sum > /dev/null";

struct Delivery {
  double wall_ms = 0;
  double growth_mib = 0;
};

Delivery deliver(Collecting& collecting) {
  LogWatch delivered(collecting.tree.log(), ": delivered to ");
  const double before = collecting.tree.runner().peak_mib();
  const auto begin = std::chrono::steady_clock::now();
  wait_until("the delivery", [&] { return delivered.count() > 0; });
  return {milliseconds_between(begin, std::chrono::steady_clock::now()), collecting.tree.runner().peak_mib() - before};
}

}  // namespace

Rows deliver_rows(const Options& options) {
  const int count = options.quick ? 20'000 : 100'000;
  const CollectedAction action(count);
  std::vector<double> wall, bare, growth;
  std::uintmax_t bytes = 0;
  for (int round = 0; round < options.rounds(); ++round) {
    Collecting collecting(action, kScript);
    const auto delivery = deliver(collecting);
    wall.push_back(delivery.wall_ms);
    growth.push_back(delivery.growth_mib);
    bytes = std::filesystem::file_size(collecting.file);
    bare.push_back(run({collecting.tree.path(std::string("tree/plugins/") + Collecting::kPlugin)},
                       collecting.tree.path("bare.log"), collecting.file)
                       .wall_ms);
  }
  const auto work = fmt::format("delivering {} MB to a plugin that reads it all", bytes / 1'000'000);
  return {compared(work + " / plugin < file", median(wall), median(bare), "ms", 1.1),
          bounded("  growth of the runner's memory meanwhile", percentile(growth, 1), "MiB", 1)};
}

}  // namespace mig_bench
