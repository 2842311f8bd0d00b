// The clock moves through every change of daylight saving from 2025 to 2030 in twelve zones, and jumps: the planner
// plans each nominal time once, and nothing in a burst.

#include <gtest/gtest.h>

#include <set>

#include "faults/flushes.h"
#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

const char* const kZones[] = {"Europe/Berlin",    "Europe/London",    "Europe/Dublin",       "America/New_York",
                              "America/St_Johns", "America/Santiago", "America/Asuncion",    "Africa/Casablanca",
                              "Asia/Jerusalem",   "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland"};
const char* const kSchedules[] = {"30 2 * * *", "15 1 * * *", "0 3 * * *", "0 0 * * *", "*/15 * * * *", "20 * * * *"};

// Hours from 2025 to 2030 around which the offset of the zone changes.
std::vector<Timestamp> changes_of(const cron::Zone& zone) {
  std::vector<Timestamp> changes;
  std::string before;
  for (auto time = at("2025-01-01T00:00:00Z"); time < at("2031-01-01T00:00:00Z"); time += 1h) {
    // Local minus UTC time of day tells the offset, whatever the zone is called.
    const auto local = zone.format_local(time).substr(11, 5);
    const auto utc = format_utc(time).substr(11, 5);
    const int offset = (std::stoi(local.substr(0, 2)) - std::stoi(utc.substr(0, 2)) + 48) % 24 * 60 +
                       std::stoi(local.substr(3)) - std::stoi(utc.substr(3));
    const auto now = std::to_string(offset);
    if (!before.empty() && now != before) changes.push_back(time);
    before = now;
  }
  return changes;
}

std::set<Timestamp> planned(Stand& stand, const std::string& job) {
  std::set<Timestamp> times;
  for (const auto& run : stand.history(job)) {
    EXPECT_EQ(run.state, store::RunState::due) << run.name() << ": " << run.reason;
    EXPECT_TRUE(times.insert(run.nominal).second) << run.name();
  }
  return times;
}

// Both ends on a whole minute, as the steps.
void walk(Timestamp from, Timestamp until, const std::string& zone) {
  Stand stand(format_utc(from));
  std::vector<spool::JobPtr> jobs;
  for (const auto* schedule : kSchedules) {
    jobs.push_back(stand.make_job("job " + std::to_string(jobs.size()), schedule, {}, zone));
    stand.jobs.put(jobs.back());
    stand.stages->planner.start(jobs.back(), from);
  }
  for (auto now = from; now <= until; now += 1min) stand.stages->planner.step(now);
  for (const auto& job : jobs) {
    std::set<Timestamp> expected;
    for (auto time = job->schedule.next(from, job->zone); time && *time <= until;
         time = job->schedule.next(*time, job->zone))
      expected.insert(*time);
    ASSERT_EQ(planned(stand, job->name), expected)
        << zone << " " << job->config.schedule << " from " << format_utc(from);
    // In 13 hours: once for a time of day, at most once for each step of the others.
    ASSERT_LE(expected.size(), job->config.schedule.starts_with("*/15") ? 53U : 14U);
  }
}

TEST(Clock, EveryDaylightSavingChange) {
  const FlushesAre skipped(Flushes::skipped);
  int changes = 0;
  for (const auto* zone : kZones) {
    for (const auto change : changes_of(cron::Zone::find(zone).value())) {
      walk(change - 6h, change + 7h, zone);
      ++changes;
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(changes, 100);
}

TEST(Clock, AYearForwardAndBackAgain) {
  Stand stand("2026-03-28T20:00:30Z");
  for (const auto* schedule : kSchedules)
    stand.start(stand.make_job(std::string("job ") + schedule[0], schedule, {}, "Europe/Berlin"));
  stand.pass(1h, 1min);
  const auto before = stand.api.posts;
  stand.clock.advance(365 * 24h);
  stand.settle();
  EXPECT_LE(stand.api.posts - before, 3) << "no burst";
  stand.clock.advance(-365 * 24h);
  stand.settle();
  EXPECT_LE(stand.api.posts - before, 3);
  std::set<std::string> names;
  stand.pass(2h, 1min);
  for (const auto& run : stand.history()) EXPECT_TRUE(names.insert(run.name()).second) << run.name();
  EXPECT_GE(stand.api.posts - before, 8) << "it goes on at once";
}

}  // namespace
}  // namespace mig_runner::test
