#include <fmt/format.h>
#include <time.h>

#include <cstdlib>
#include <thread>

#include "bench/recording_proxy.h"
#include "bench/rows.h"

// How long after its time the first byte of a launch goes out.

namespace mig_bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kJobs = 10;

// How late clock_nanosleep returns, in milliseconds, ten times a second until `end`.
std::vector<double> bare_lateness(mig_runner::Timestamp begin, mig_runner::Timestamp end) {
  std::vector<double> late;
  for (auto at = begin; at < end; at += milliseconds(1000 / kJobs)) {
    const auto count = at.time_since_epoch().count();
    const timespec until{count / 1000, count % 1000 * 1'000'000};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, nullptr) != 0) {
    }
    const auto woken = std::chrono::system_clock::now();
    late.push_back(std::chrono::duration<double, std::milli>(woken - at).count());
  }
  return late;
}

// A launch that goes out before its time would be nearly a second late here.
double lateness(std::chrono::system_clock::time_point sent) {
  return std::chrono::duration<double, std::milli>(sent - std::chrono::floor<seconds>(sent)).count();
}

}  // namespace

Rows lateness_rows(const Options& options) {
  const int duration = options.quick ? 10 : 60;
  const Sandbox sandbox;
  RecordingProxy proxy(sandbox.port());
  Tree tree(proxy.port(), "maxlaunchesperminute = 1000000");
  for (int i = 0; i < kJobs; ++i) tree.job(fmt::format("job{}", i), "schedule = * * * * * * *\n", small_action());
  tree.start();
  // The first second makes the token and warms up.
  const auto begin = std::chrono::ceil<seconds>(now() + seconds(2)) - milliseconds(50);
  const auto end = begin + seconds(duration);
  const auto bare = bare_lateness(begin, end);
  std::vector<double> late;
  for (const auto& sent : proxy.first_bytes_of_posts())
    if (sent >= begin && sent < end) late.push_back(lateness(sent));
  if (late.size() != static_cast<std::size_t>(kJobs) * static_cast<std::size_t>(duration))
    give_up(fmt::format("{} launches where {} were due", late.size(), kJobs * duration));

  if (std::getenv("BENCH_DETAIL") != nullptr)
    for (const auto value : late) fmt::print(stderr, "{:.2f}\n", value);
  Rows rows;
  const auto row = [&](const char* name, double part, double target) {
    const double measured = percentile(late, part);
    const double limit = percentile(bare, part);
    rows.push_back(
        {fmt::format("lateness of a launch, {} jobs a second for {} s, {} / clock_nanosleep", kJobs, duration, name),
         fmt::format("{:.2f} ms", measured), fmt::format("{:.2f} ms", limit),
         fmt::format("+{:.2f} ms", measured - limit), fmt::format("under {:g} ms over it", target),
         measured - limit < target});
  };
  row("p50", 0.5, 3);
  row("p99", 0.99, 20);
  return rows;
}

}  // namespace mig_bench
