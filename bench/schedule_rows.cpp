#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/rows.h"
#include "cron/schedule.h"

namespace mig_bench {
namespace {

using mig_runner::cron::Schedule;
using mig_runner::cron::Zone;

struct Case {
  const char* expression;
  const char* from;
};

constexpr Case kOrdinary[] = {{"*/5 * * * *", "2026-11-23T08:02:11Z"},
                              {"30 2 * * *", "2026-11-23T08:02:11Z"},
                              {"0 9-17 * * 1-5", "2026-11-23T18:02:11Z"},
                              {"15 3 1 * *", "2026-11-23T08:02:11Z"},
                              {"@hourly", "2026-11-23T08:02:11Z"}};
constexpr Case kWorst[] = {{"0 0 29 2 *", "2096-03-01T00:00:00Z"},
                           {"0 0 29 2 *", "2026-11-23T08:02:11Z"},
                           {"0 0 29 2 1", "2026-11-23T08:02:11Z"},
                           {"0 0 L * *", "2026-11-23T08:02:11Z"},
                           {"0 0 * * 1#5", "2026-11-23T08:02:11Z"},
                           {"0 0 * 2 5#5", "2026-11-23T08:02:11Z"},
                           {"0 0 LW 2 *", "2026-11-23T08:02:11Z"},
                           {"0 0 1 1 * 2099", "2026-11-23T08:02:11Z"},
                           {"59 59 23 31 12 * 2099", "1970-01-01T00:00:00Z"},
                           {"59 59 * 29 2 * 2096", "1970-01-01T00:00:00Z"}};

class Times final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& run : runs)
      if (run.aggregate_name == "median") slowest = std::max(slowest, run.GetAdjustedRealTime());
  }
  double slowest = 0;  // nanoseconds
};

// The slowest of the cases, each in UTC and in a zone with summer time.
template <std::size_t N>
double slowest_of(const Case (&cases)[N], const Options& options) {
  benchmark::ClearRegisteredBenchmarks();
  for (const auto* zone_name : {"UTC", "Europe/Berlin"}) {
    const auto zone = Zone::find(zone_name).value();
    for (const auto& one : cases) {
      const auto schedule = Schedule::parse(one.expression).value();
      const auto from = mig_runner::parse_rfc3339(one.from).value();
      benchmark::RegisterBenchmark(one.expression,
                                   [=](benchmark::State& state) {
                                     for ([[maybe_unused]] auto _ : state)
                                       benchmark::DoNotOptimize(schedule.next(from, zone));
                                   })
          ->MinTime(options.quick ? 0.01 : 0.1)
          ->Repetitions(options.quick ? 2 : 5);
    }
  }
  Times times;
  benchmark::RunSpecifiedBenchmarks(&times);
  return times.slowest;
}

}  // namespace

Rows schedule_rows(const Options& options) {
  return {bounded("Schedule::next, ordinary expressions (the slowest)", slowest_of(kOrdinary, options), "ns", 200),
          bounded("Schedule::next, leap days, L, #, far years (the slowest)", slowest_of(kWorst, options) / 1000, "us",
                  20)};
}

}  // namespace mig_bench
