#include <gmock/gmock.h>

#include "stages/planner_stand.h"
#include "stages/retry_pause.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;

TEST(Planner, PlansOneRunPerNominalTime) {
  Stand stand;
  stand.start(stand.make_job("disk", "*/5 * * * *"));
  stand.pass(15min);
  EXPECT_EQ(stand.history("disk").size(), 3U);
  EXPECT_EQ(stand.history("disk").back().name(), "disk@2026-11-23T08:05:00Z");
  EXPECT_EQ(stand.api.posts, 3);
}

TEST(Planner, PlansAheadAndNothingIsSentEarly) {
  Stand stand("2026-11-23T08:00:59.5Z");
  stand.start(stand.make_job("disk", "* * * * *"));
  stand.settle();
  ASSERT_EQ(stand.history("disk").size(), 1U);
  EXPECT_EQ(stand.history("disk").front().name(), "disk@2026-11-23T08:01:00Z");
  stand.advance(499ms);
  EXPECT_EQ(stand.api.posts, 0);
  stand.advance(1ms);
  EXPECT_EQ(stand.api.posts, 1);
  const auto run = stand.history("disk").front();
  EXPECT_EQ(*run.valid_from, at("2026-11-23T08:00:00Z")) << "a minute before it was sent, though it was signed earlier";
  stand.pass(1min, 250ms);
  EXPECT_EQ(stand.api.posts, 2);
}

TEST(Planner, AClockThatGoesBackAfterPlanningAheadLaunchesOnce) {
  Stand stand("2026-11-23T08:00:59.7Z");
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.settle();
  ASSERT_EQ(stand.history("disk").size(), 1U);
  stand.clock.set(at("2026-11-23T07:00:59.8Z"));
  stand.pass(2h, 10s);
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_EQ(stand.history("disk").size(), 1U);
}

TEST(Planner, WhatWasPlannedAheadIsNotSentOnceItsJobIsGone) {
  Stand stand("2026-11-23T08:00:59.7Z");
  stand.start(stand.make_job("disk", "* * * * *"));
  stand.settle();
  stand.stages->planner.remove("disk", stand.clock.now());
  stand.jobs.remove("disk");
  stand.advance(1s);
  EXPECT_EQ(stand.api.posts, 0);
  EXPECT_EQ(stand.history("disk").front().state, RunState::skipped);
}

TEST(Planner, WhatWasSignedAheadFollowsAChangeOfItsJob) {
  Stand stand("2026-11-23T08:00:59.7Z");
  stand.start(stand.make_job("disk", "* * * * *"));
  stand.settle();
  config::JobConfig config;
  config.expiry = 20min;
  stand.put(stand.make_job("disk", "* * * * *", config));
  stand.advance(1s);
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_EQ(*stand.history("disk").front().expire_after, at("2026-11-23T08:21:00.7Z"));
}

TEST(Planner, MissedTimesAreRecordedAndNotLaunchedByDefault) {
  Stand stand;
  const auto job = stand.make_job("disk", "*/5 * * * *");
  stand.start(job);
  stand.clock.set(at("2026-11-23T09:02:00Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 0);
  ASSERT_EQ(stand.history("disk").size(), 1U);
  EXPECT_EQ(stand.history("disk")[0].state, RunState::missed);
  EXPECT_EQ(stand.history("disk")[0].name(), "disk@2026-11-23T09:00:00Z");
  EXPECT_THAT(stand.history("disk")[0].reason, testing::HasSubstr("nor at 11 times before it"));
}

TEST(Planner, CatchUpLatestLaunchesOnce) {
  Stand stand;
  const auto job = stand.make_job("disk", "*/5 * * * *", catching_up());
  stand.start(job);
  stand.clock.set(at("2026-11-23T09:02:00Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_EQ(stand.history("disk")[0].name(), "disk@2026-11-23T09:00:00Z");
  EXPECT_EQ(stand.history("disk")[0].state, RunState::posted);
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1) << "a second restart must not catch up again";
}

TEST(Planner, ARestartWithinAMinuteOfTheNominalTimeStillLaunches) {
  Stand stand("2026-11-23T07:59:50Z");
  const auto job = stand.make_job("disk", "0 8 * * *");
  stand.start(job);
  stand.clock.set(at("2026-11-23T08:00:20Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(Planner, ClockForwardByAYearIsNoBurst) {
  Stand stand;
  stand.start(stand.make_job("minutely", "* * * * *"));
  stand.advance(1min);
  ASSERT_EQ(stand.api.posts, 1);
  stand.clock.advance(365 * 24h);
  stand.settle();
  EXPECT_LE(stand.api.posts, 2);
  stand.pass(5min);
  EXPECT_LE(stand.api.posts, 7);
}

TEST(Planner, ClockBackByAnHourLaunchesNothingTwice) {
  Stand stand;
  stand.start(stand.make_job("minutely", "* * * * *"));
  stand.pass(90min, 10s);
  const auto before = stand.api.posts;
  EXPECT_EQ(before, 90);
  stand.clock.advance(-1h);
  stand.pass(59min, 10s);
  EXPECT_EQ(stand.api.posts, before);
  stand.pass(3min, 10s);
  EXPECT_EQ(stand.api.posts, before + 2);
}

TEST(Planner, ClockBackByAYearGoesOnAtOnce) {
  Stand stand("2027-11-23T08:00:30Z");
  stand.start(stand.make_job("minutely", "* * * * *"));
  stand.pass(3min);
  stand.clock.set(at("2026-11-23T08:00:30Z"));
  stand.settle();
  stand.pass(3min);
  EXPECT_EQ(stand.api.posts, 6);
}

// Fault 3 of the original: at a change of daylight saving it launched without pause for up to an hour.
TEST(Planner, Fault3DaylightSavingLaunchesOnceADay) {
  for (const auto* day : {"2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z"}) {
    Stand stand(day);
    stand.start(stand.make_job("nightly", "30 2 * * *", {}, "Europe/Berlin"));
    stand.pass(48h, 1min);
    EXPECT_EQ(stand.api.posts, 2) << day;
  }
}

TEST(Planner, SplayDelaysByTheSameOffsetAlways) {
  Stand stand;
  stand.start(stand.make_job("disk", "0 9 * * *", with([](auto& settings) { settings.splay = 10min; })));
  stand.pass(61min, 1min);
  const auto first = stand.history("disk");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].nominal, at("2026-11-23T09:00:00Z"));
  const auto offset = first[0].wake.value() - first[0].nominal;
  stand.pass(24h + 11min, 1min);
  const auto second = stand.history("disk");
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stages::spread("disk", 10min + 1ms), offset);
  EXPECT_LE(offset, 10min);
}

TEST(Planner, ADisabledJobIsNotPlannedAndComesBackWithoutABurst) {
  Stand stand;
  stand.start(stand.make_job("disk", "* * * * *", with([](auto& settings) { settings.enabled = false; })));
  stand.pass(10min);
  EXPECT_EQ(stand.api.posts, 0);
  stand.put(stand.make_job("disk", "* * * * *", catching_up()));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 0);
  stand.pass(2min);
  EXPECT_EQ(stand.api.posts, 2);
}

TEST(Planner, AChangeAtTheNominalTimeDoesNotLoseIt) {
  Stand stand("2026-11-23T07:59:59Z");
  stand.start(stand.make_job("disk", "0 8 * * *"));
  stand.clock.advance(1500ms);
  stand.put(stand.make_job("disk", "0 9 * * *"));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(Planner, ARemovedJobIsNotPlanned) {
  Stand stand;
  stand.start(stand.make_job("disk", "* * * * *"));
  stand.stages->planner.remove("disk", stand.clock.now());
  stand.jobs.remove("disk");
  stand.pass(5min);
  EXPECT_EQ(stand.history().size(), 0U);
}

}  // namespace
}  // namespace mig_runner::test
