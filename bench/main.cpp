#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "bench/rows.h"

namespace {

using mig_bench::Options;
using mig_bench::Rows;

struct Bench {
  const char* name;
  Rows (*run)(const Options&);
};

constexpr Bench kBenches[] = {
    {"launch", mig_bench::launch_rows},   {"lateness", mig_bench::lateness_rows},
    {"collect", mig_bench::collect_rows}, {"deliver", mig_bench::deliver_rows},
    {"jobs", mig_bench::jobs_rows},       {"schedule", mig_bench::schedule_rows},
    {"history", mig_bench::history_rows}, {"group", mig_bench::group_rows},
};

bool is_wanted(std::string_view list, std::string_view name) {
  return list.empty() || ("," + std::string(list) + ",").find("," + std::string(name) + ",") != std::string::npos;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

// BENCH: names of the benches to run, by commas; empty: all; "curves": how costs grow; "group-curve": the last
// of these alone. BENCH_QUICK: one round of
// smaller sizes.
int main() {
  const auto wanted = variable("BENCH");
  const Options options{!variable("BENCH_QUICK").empty()};
  setenv("TZ", "UTC", 1);
  if (wanted == "curves") {
    mig_bench::print_curves();
    return 0;
  }
  if (wanted == "group-curve") {
    mig_bench::print_group_curve();
    return 0;
  }
  Rows rows;
  bool complete = true;
  for (const auto& bench : kBenches) {
    if (!is_wanted(wanted, bench.name)) continue;
    try {
      fmt::print(stderr, "{} ..\n", bench.name);
      for (auto& row : bench.run(options)) rows.push_back(std::move(row));
    } catch (const std::exception& error) {
      fmt::print(stderr, "mig-bench: {}: {}\n", bench.name, error.what());
      complete = false;
    }
  }
  return print_table(rows) && complete ? 0 : 1;
}
