// What keeps all runs of a stage waiting is told once, with a count, and the reasons of runs are true.

#include "stages/outage.h"

#include <gmock/gmock.h>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using stages::Outage;
using store::RunState;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Outage, TellsItsBeginningAndItsEndWithACount) {
  RecordingLog log;
  Outage outage("Actions are launched again");
  outage.worked(log);
  EXPECT_TRUE(log.lines.empty()) << "nothing was amiss";
  for (const auto end : {Outage::End::tried_again, Outage::End::tried_again, Outage::End::given_up})
    for (const auto* run : {"a", "b"}) outage.failed(log, log::Level::warning, run, std::string(run) + ": away", end);
  outage.worked(log);
  outage.worked(log);
  EXPECT_THAT(log.lines,
              ElementsAre("warning a: away; further failures are counted until it works again", "debug b: away",
                          "debug a: away", "debug b: away",
                          "warning a: away; further failures are counted until it works again", "debug b: away",
                          "notice Actions are launched again: 2 runs had waited, with 6 failed tries; 2 of them had to "
                          "be given up."));
}

TEST(Outage, BeginsAnewAfterItsEnd) {
  RecordingLog log;
  Outage outage("Again");
  for (int i = 0; i < 2; ++i) {
    outage.failed(log, log::Level::err, "a", "a: away", Outage::End::tried_again);
    outage.worked(log);
  }
  EXPECT_EQ(log.count("err a: away"), 2);
  EXPECT_EQ(log.count("notice Again: 1 run had waited, with 1 failed try."), 2);
}

TEST(Outage, TellsTheFirstRunThatIsGivenUp) {
  RecordingLog log;
  Outage outage("Again");
  outage.failed(log, log::Level::warning, "a", "a: away", Outage::End::tried_again);
  for (const auto* run : {"a", "b"})
    outage.failed(log, log::Level::err, run, std::string(run) + ": missed", Outage::End::given_up);
  EXPECT_EQ(log.count("err a: missed"), 1);
  EXPECT_EQ(log.count("debug b: missed"), 1) << log.all();
}

// One run whose action the API never answers, among others that work: nothing ends when they do.
TEST(Outage, OfOneRunIsNotEndedByTheOthers) {
  RecordingLog log;
  Outage outage("Again");
  outage.failed(log, log::Level::warning, "a", "a: away", Outage::End::tried_again);
  outage.worked(log, "b");
  outage.failed(log, log::Level::warning, "a", "a: away", Outage::End::tried_again);
  EXPECT_EQ(log.count("warning a: away"), 2);
  EXPECT_EQ(log.count("Again"), 0) << log.all();
  outage.worked(log, "a");
  EXPECT_EQ(log.count("notice Again: 1 run had waited, with 1 failed try."), 1);
}

// Lines that an operator sees at the default level.
int told(const RecordingLog& log, const std::string& text) {
  int found = 0;
  for (const auto& line : log.lines)
    found += !line.starts_with("debug") && line.find(text) != std::string::npos ? 1 : 0;
  return found;
}

TEST(ApiAway, IsToldOnceOfThirtyJobs) {
  Stand stand;
  for (int i = 0; i < 30; ++i) stand.start(stand.make_job("job-" + std::to_string(i), "1 * * * *"));
  stand.api.script.assign(10'000, FakeApi::Post::unavailable);
  stand.pass(2min);
  EXPECT_EQ(told(stand.log, "not launched"), 1) << stand.log.all();
  EXPECT_GT(stand.log.count("debug job-29@2026-11-23T08:01:00Z: not launched, next try at"), 0);
  EXPECT_THAT(stand.history("job-29")[0].reason, HasSubstr("connection refused"));
  stand.api.script.clear();
  stand.pass(3min);
  EXPECT_EQ(stand.api.actions.size(), 30U);
  EXPECT_EQ(told(stand.log, "Actions are launched again: 30 runs had waited, with "), 1) << stand.log.all();

  stand.api.down = true;
  stand.pass(10min);
  EXPECT_EQ(told(stand.log, "not collected"), 1) << stand.log.all();
  stand.api.down = false;
  stand.pass(20min);
  EXPECT_EQ(told(stand.log, "Results are collected again: 30 runs had waited, with "), 1) << stand.log.all();
}

TEST(ApiAway, CountsWhatHadToBeGivenUp) {
  Stand stand;
  config::JobConfig config;
  config.settings.startdeadline = 1min;
  for (int i = 0; i < 10; ++i) stand.start(stand.make_job("job-" + std::to_string(i), "1 8 * * *", config));
  stand.start(stand.make_job("later", "10 8 * * *"));
  stand.api.script.assign(10'000, FakeApi::Post::unavailable);
  stand.pass(5min);
  EXPECT_EQ(stand.count(RunState::missed), 10);
  EXPECT_EQ(told(stand.log, "missed: "), 1) << stand.log.all();
  stand.api.script.clear();
  stand.pass(6min);
  EXPECT_EQ(told(stand.log, "10 of them had to be given up"), 1) << stand.log.all();
}

TEST(RefusedRuns, AreNoOutage) {
  Stand stand;
  stand.api.script = std::deque<FakeApi::Post>(3, FakeApi::Post::refuse);
  for (const auto* job : {"one", "two", "three"}) stand.start(stand.make_job(job, "1 * * * *"));
  stand.pass(40s);
  EXPECT_EQ(told(stand.log, "refused: "), 3) << stand.log.all();
}

TEST(RefusedRuns, EndAnOutageWithoutBeingLaunched) {
  Stand stand;
  stand.api.script = {FakeApi::Post::unavailable, FakeApi::Post::refuse};
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.pass(2min);
  EXPECT_EQ(stand.count(RunState::refused), 1) << stand.log.all();
  EXPECT_EQ(told(stand.log, "Actions are launched again"), 0) << stand.log.all();
  EXPECT_EQ(told(stand.log, "The API answers launches again: 1 run had waited, with 1 failed try."), 1)
      << stand.log.all();
}

struct Missed : Stand {
  Missed() { start(job); }
  std::string reason() {
    settle();
    const auto runs = history("disk");
    return runs.empty() || runs[0].state != RunState::missed ? "not missed" : runs[0].reason;
  }
  spool::JobPtr job = make_job("disk", "*/5 * * * *");
};

TEST(ReasonOfAMissedRun, TheRunnerWasNotRunning) {
  Missed stand;
  stand.clock.set(at("2026-11-23T08:07:00Z"));
  stand.restart();
  stand.start(stand.job);
  EXPECT_THAT(stand.reason(), testing::StartsWith("the runner was not running at its time"));
}

TEST(ReasonOfAMissedRun, TheMachineSlept) {
  Missed stand;
  stand.clock.set(at("2026-11-23T08:07:00Z"));
  EXPECT_THAT(stand.reason(), HasSubstr("the machine slept"));
}

TEST(ReasonOfAMissedRun, ItsJobCouldNotBeRead) {
  Missed stand;
  for (const bool was_there : {true, false}) {
    stand.restart();
    stand.settle();
    stand.clock.advance(6min);
    stand.settle();
    was_there ? stand.start(stand.job) : stand.put(stand.job);
    EXPECT_THAT(stand.reason(), testing::StartsWith("the runner had no good form of its job at its time")) << was_there;
    stand.clock.advance(7min);
    EXPECT_THAT(stand.reason(), HasSubstr("the machine slept")) << was_there;
  }
}

TEST(ReasonOfAMissedRun, TheRunnerCouldNotPlan) {
  Missed stand;
  bool lost = true;
  stand.store->launch_only_if([&]() -> Result<void> {
    if (lost) return fail("it was replaced", "state");
    return {};
  });
  stand.pass(7min, 10s);
  EXPECT_EQ(stand.history().size(), 0U);
  lost = false;
  EXPECT_EQ(stand.reason(), "runs could not be planned at its time (state: it was replaced)");
}

TEST(MissedRuns, AreOneMessageWhereTheyAreMany) {
  for (const int jobs : {3, 40}) {
    Stand stand;
    std::vector<spool::JobPtr> all;
    for (int i = 0; i < jobs; ++i) all.push_back(stand.make_job("job-" + std::to_string(i), "*/5 * * * *"));
    for (const auto& job : all) stand.start(job);
    stand.clock.set(at("2026-11-23T08:07:00Z"));
    stand.settle();
    EXPECT_EQ(stand.count(RunState::missed), jobs);
    EXPECT_EQ(told(stand.log, "missed"), jobs == 3 ? 3 : 1) << stand.log.all();
    EXPECT_EQ(told(stand.log, "warning 40 jobs missed runs"), jobs == 40 ? 1 : 0) << stand.log.all();
  }
}

}  // namespace
}  // namespace mig_runner::test
