#include <fmt/chrono.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "bench/rows.h"

// Ten thousand jobs.

namespace mig_bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::string job_name(int number) {
  return fmt::format("job{:05}", number);
}

}  // namespace

// Nothing is launched while the bench runs.
void write_idle_job(const Tree& tree, int number) {
  const auto later = std::chrono::floor<seconds>(now()) + std::chrono::hours(24 + number % 700);
  tree.job(job_name(number), fmt::format("schedule = \"{:%M %H %d %m} *\"\nexpiry = 10m\n", later), small_action());
}

namespace {

// Reading and parsing all files once.
double bare_read(const Tree& tree, int count) {
  simdjson::dom::parser parser;
  std::size_t bytes = 0;
  const auto begin = steady_clock::now();
  for (int i = 0; i < count; ++i) {
    const auto directory = tree.path("tree/runners") / job_name(i);
    bytes += mig_runner::read_file(directory / "entity.cfg", 1 << 20).value().size();
    const auto action = mig_runner::read_file(directory / "action.json", 1 << 20).value();
    bytes += action.size();
    if (parser.parse(action).error() != simdjson::SUCCESS) give_up("a job's action cannot be parsed");
  }
  const auto end = steady_clock::now();
  if (bytes == 0) give_up("nothing was read");
  return milliseconds_between(begin, end);
}

double runner_start(Tree& tree) {
  const auto begin = steady_clock::now();
  tree.start();
  return milliseconds_between(begin, steady_clock::now());
}

struct Seen {
  double wall_ms = 0;
  double kib_read = 0;
};

Seen see_new_job(Tree& tree, int number) {
  LogWatch added(tree.log(), ": job added");
  const int before = added.count();
  const auto read_before = tree.runner().bytes_read();
  const auto begin = steady_clock::now();
  write_idle_job(tree, number);
  wait_until("the new job", [&] { return added.count() > before; });
  return {milliseconds_between(begin, steady_clock::now()),
          static_cast<double>(tree.runner().bytes_read() - read_before) / 1024};
}

}  // namespace

Rows jobs_rows(const Options& options) {
  const int count = 10'000;
  const Sandbox sandbox;
  Tree tree(sandbox.port(), "timezone = Europe/Berlin");
  for (int i = 0; i < count; ++i) write_idle_job(tree, i);
  std::vector<double> start, bare;
  for (int round = 0; round < options.rounds(); ++round) {
    bare.push_back(bare_read(tree, count));
    start.push_back(runner_start(tree));
    if (round + 1 < options.rounds()) tree.runner().stop();
  }
  Rows rows{compared(fmt::format("{} jobs: start to all scheduled / reading and parsing their files", count),
                     median(start), median(bare), "ms", 3)};

  std::vector<double> seen, kib;
  for (int round = 0; round < options.rounds(); ++round) {
    const auto one = see_new_job(tree, count + round);
    seen.push_back(one.wall_ms);
    kib.push_back(one.kib_read);
  }
  rows.push_back(bounded("a job added to them: seen after", percentile(seen, 1), "ms", 200));
  rows.push_back(bounded("  read meanwhile (all files: 9 MB)", percentile(kib, 1), "KiB", 64));

  std::this_thread::sleep_for(seconds(2));
  const auto idle = options.quick ? seconds(35) : seconds(300);
  const double cpu = tree.runner().cpu_milliseconds();
  std::this_thread::sleep_for(idle);
  const double used = tree.runner().cpu_milliseconds() - cpu;
  rows.push_back(bounded("  idle: memory", tree.runner().resident_mib(), "MiB", 40));
  rows.push_back(bounded(fmt::format("  idle: CPU over {} s", idle.count()),
                         used / static_cast<double>(milliseconds(idle).count()) * 100, "% of a core", 0.2));
  return rows;
}

}  // namespace mig_bench
