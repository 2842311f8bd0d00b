#include <gmock/gmock.h>

#include <array>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using Post = FakeApi::Post;
using store::RunState;
using testing::HasSubstr;

// A job due at 08:01:00 each hour, and the clock just past it.
struct DueStand : Stand {
  explicit DueStand(config::JobConfig config = {}) {
    start(make_job("disk", "1 * * * *", std::move(config)));
    clock.set(at("2026-11-23T08:01:00Z"));
  }
  store::Run run() { return history("disk").front(); }
};

TEST(Launcher, PostsAndLooksOnceBeforeTheExpiry) {
  DueStand stand;
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.run().action_id, 7001);
  EXPECT_EQ(stand.run().valid_from, at("2026-11-23T08:00:00Z"));
  EXPECT_EQ(stand.run().expire_after, at("2026-11-23T08:06:00Z"));
  EXPECT_GE(*stand.run().wake, at("2026-11-23T08:01:20Z"));
  EXPECT_LT(*stand.run().wake, at("2026-11-23T08:01:25Z"));
  stand.pass(30s);
  EXPECT_EQ(stand.run().wake, at("2026-11-23T08:06:00Z"));
}

TEST(Launcher, SendonlyEndsWhenAccepted) {
  config::JobConfig config;
  config.sendonly = true;
  DueStand stand(config);
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::sent);
  stand.pass(20min);
  EXPECT_EQ(stand.run().state, RunState::sent);
}

TEST(Launcher, AMacroReplacesATargetThatIsItsName) {
  Stand stand;
  stand.settings.macros = {{"everything", "status='online'"}};
  auto job = *stand.make_job("disk", "1 * * * *");
  job.action_text = R"({"target":"everything","operations":[{"module":"pkg","parameters":{}}]})";
  stand.start(std::make_shared<spool::Job>(job));
  stand.pass(1min);
  ASSERT_EQ(stand.api.actions.size(), 1U);
  EXPECT_THAT(stand.api.actions[0].document, HasSubstr(R"("target":"status='online'")"));
}

// It has claimed the second run ahead of its time while it waits for the answer to the first.
TEST(Launcher, WhatBecomesLateWhileTheApiIsWaitedForIsGivenToOthers) {
  for (const bool long_wait : {false, true}) {
    Stand stand;
    const auto launch = [&](const std::string& job, std::chrono::milliseconds in) {
      stand.start(stand.make_job(job, "0 0 1 1 *"));
      store::Run run;
      run.job = job;
      run.nominal = run.wake.emplace(stand.clock.now() + in);
      ASSERT_TRUE(stand.store->add({&run, 1}));
    };
    launch("first", 0ms);
    launch("second", 300ms);
    int free_meanwhile = 0;
    stand.api.before_posts = [&] {
      stand.clock.advance(300ms + stages::Launcher::kPatience - (long_wait ? 0ms : 1ms));
      stand.api.before_posts = nullptr;
    };
    stand.api.around_exchange = [&] {
      free_meanwhile = static_cast<int>(stand.store->claimable(stages::Launcher::kStates, 10)->size());
      stand.api.around_exchange = nullptr;
    };
    stand.settle();
    EXPECT_EQ(free_meanwhile, long_wait ? 1 : 0);
    EXPECT_EQ(stand.api.posts, 2);
  }
}

TEST(Launcher, ARefusalIsFinal) {
  DueStand stand;
  stand.api.script = {Post::refuse};
  stand.pass(30min);
  EXPECT_EQ(stand.run().state, RunState::refused);
  EXPECT_THAT(stand.run().reason, HasSubstr("Target is empty"));
  EXPECT_EQ(stand.api.posts, 1);
}

// Fault 5 of the original: a failed launch was dropped.
TEST(Launcher, Fault5AConnectionFailureIsRetriedWithAFreshSignature) {
  DueStand stand;
  stand.api.script = {Post::unavailable, Post::unavailable, Post::unavailable};
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.api.posts, 4);
  ASSERT_EQ(stand.api.actions.size(), 1U);
  EXPECT_GT(*stand.run().valid_from, at("2026-11-23T08:00:00Z")) << "validity must start when it is sent";
  EXPECT_THAT(stand.api.actions[0].document, HasSubstr("signature-"));
}

TEST(Launcher, RetriesEndAtTheDeadline) {
  DueStand stand;
  for (int i = 0; i < 1000; ++i) stand.api.script.push_back(Post::unavailable);
  stand.pass(61min, 10s);
  const auto run = stand.history("disk").back();
  EXPECT_EQ(run.state, RunState::missed) << run.reason;
  EXPECT_THAT(run.reason, HasSubstr("connection refused"));
  EXPECT_LT(stand.api.posts, 60) << "pauses must grow";
}

TEST(Launcher, TheNumberOfRetriesCanBeLimited) {
  config::JobConfig config;
  config.settings.retries = 2;
  DueStand stand(config);
  for (int i = 0; i < 100; ++i) stand.api.script.push_back(Post::unavailable);
  stand.pass(30min);
  EXPECT_EQ(stand.run().state, RunState::missed);
  EXPECT_EQ(stand.api.posts, 3);
}

TEST(Launcher, ALostAnswerIsFoundAgainBySignature) {
  DueStand stand;
  stand.api.script = {Post::lost_accepted};
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::unknown);
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.run().action_id, 7001);
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_EQ(stand.api.actions.size(), 1U);
}

TEST(Launcher, ALostAnswerIsPostedAgainOnlyOnceTheApiSurelyLacksIt) {
  DueStand stand;
  stand.api.script = {Post::lost_not_accepted};
  stand.settle();
  stand.pass(14s);
  EXPECT_EQ(stand.api.posts, 1) << "too early: the request may still be on its way";
  stand.pass(1min);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stand.api.actions.size(), 1U);
  EXPECT_EQ(stand.run().state, RunState::posted);
}

TEST(Launcher, WhileTheApiCannotBeAskedNothingIsPosted) {
  DueStand stand;
  stand.api.script = {Post::lost_accepted};
  stand.settle();
  stand.api.down = true;
  stand.pass(45min, 10s);
  EXPECT_EQ(stand.run().state, RunState::unknown);
  EXPECT_EQ(stand.api.posts, 1);
  stand.api.down = false;
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.api.actions.size(), 1U);
  EXPECT_EQ(stand.run().state, RunState::stored);
}

TEST(Launcher, ACrashBetweenSigningAndTheAnswerIsReconciled) {
  DueStand stand;
  stand.api.script = {Post::lost_accepted};
  // As if the process had died before it could note that the answer was lost: the run is still "signed".
  stand.settle();
  auto run = stand.run();
  auto claimed = stand.store->claim(std::array{RunState::unknown}, run.wake.value(), 1).value();
  ASSERT_EQ(claimed.size(), 1U);
  claimed[0].state = RunState::signed_;
  store::Change change{RunState::unknown, claimed[0], {}};
  change.keep_claim = true;
  ASSERT_TRUE(stand.store->record({&change, 1}));
  stand.restart();
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.api.posts, 1);
}

// Each try is signed afresh: whichever of them the API has, it is found.
TEST(Launcher, ARequestThatArrivesAfterTheNextTryIsFoundByItsOwnSignature) {
  DueStand stand;
  stand.api.script = {Post::lost_not_accepted, Post::lost_not_accepted};
  while (stand.api.posts < 2) stand.advance(1s);
  stand.api.actions.push_back(stand.api.lost.front());
  stand.pass(2min);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.run().action_id, stand.api.lost.front().id);
}

// Nobody knows when the request of a runner that died was sent: perhaps just before the end.
TEST(Launcher, AfterACrashTheApiIsGivenItsTimeFromTheNewStart) {
  DueStand stand;
  stand.api.around_exchange = [] { throw std::runtime_error("killed"); };
  EXPECT_THROW(stand.settle(), std::runtime_error);
  stand.api.around_exchange = nullptr;
  stand.clock.advance(40s);
  stand.restart();
  stand.settle();
  stand.pass(14s);
  EXPECT_EQ(stand.run().state, RunState::unknown);
  EXPECT_EQ(stand.api.posts, 0) << "too early: the request may still be on its way";
  stand.pass(30s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(Launcher, OverlapForbidSkipsWhileAnEarlierRunIsNotCollected) {
  Stand stand;
  config::JobConfig config;
  config.expiry = 3min;
  config.settings.overlap = config::Overlap::forbid;
  stand.start(stand.make_job("disk", "* * * * *", config));
  stand.pass(6min + 5s);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stand.count(RunState::skipped), 4);
}

TEST(Launcher, OverlapIsAllowedByDefault) {
  Stand stand;
  config::JobConfig config;
  config.expiry = 30min;
  stand.start(stand.make_job("disk", "* * * * *", config));
  stand.pass(5min);
  EXPECT_EQ(stand.api.posts, 5);
}

TEST(Launcher, TheCircuitBreakerQueuesAndWarnsOnce) {
  Stand stand;
  stand.settings.max_launches_per_minute = 10;
  stand.restart();
  for (int i = 0; i < 25; ++i) stand.start(stand.make_job("job-" + std::to_string(i), "1 * * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 10);
  stand.pass(61s);
  EXPECT_EQ(stand.api.posts, 20);
  stand.pass(61s);
  EXPECT_EQ(stand.api.posts, 25);
  EXPECT_EQ(stand.log.count("maxlaunchesperminute"), 1);
}

// Each thread has looked at the clock before it asks.
TEST(LaunchRate, HoldsWhereThreadsAskInAnotherOrderThanTheyLookedAtTheClock) {
  stages::LaunchRate rate(10, {});
  const auto now = at("2026-11-23T08:00:00Z");
  int allowed = 0;
  for (int i = 0; i < 20; ++i)
    if (!rate.ask(now + (i < 10 ? 3ms : 0ms)).wait_until) ++allowed;
  EXPECT_EQ(allowed, 10);
  EXPECT_FALSE(rate.ask(now - 1h).wait_until) << "the clock was set back";
}

TEST(Launcher, ARunOfARemovedJobIsSkipped) {
  DueStand stand;
  stand.stages->planner.step(stand.clock.now());
  stand.jobs.remove("disk");
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::skipped);
  EXPECT_EQ(stand.api.posts, 0);
}

}  // namespace
}  // namespace mig_runner::test
