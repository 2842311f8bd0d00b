#include "stages/by_hand.h"

#include <gmock/gmock.h>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;

// A job that comes once a year and whose plugin counts its deliveries.
struct HandStand : Stand {
  explicit HandStand(config::JobConfig config = {}) {
    plugin("save", "cat >> received; echo >> deliveries; [ ! -e broken ]");
    config.plugin = "save";
    api.commands_per_action = 3;
    job = make_job("disk", "0 0 1 1 *", std::move(config));
    start(job);
  }
  // As a daemon that notices it.
  void pause() {
    ASSERT_TRUE(store->pause("disk", clock.now()).value());
    follow_pauses();
  }
  void resume() {
    ASSERT_TRUE(store->resume("disk", clock.now()).value());
    follow_pauses();
  }
  void follow_pauses() {
    const auto paused = store->paused();
    stages->planner.set_paused(*paused);
    jobs.set_paused(*paused);
  }
  store::Run launch() {
    const auto run = stages::launch_now(*store, *job, clock.now()).value();
    settle();
    return run;
  }
  store::Run launched_and_delivered() {
    launch();
    pass(6min, 10s);
    return run();
  }
  store::Run run() { return history("disk").front(); }
  std::size_t deliveries() { return read_text(directory.path() / "deliveries").size(); }
  void remove(const std::string& file) { std::filesystem::remove(directory.path() / file); }

  spool::JobPtr job;
};

TEST(ByHand, ALaunchGoesTheWayOfAScheduledRun) {
  HandStand stand;
  const auto run = stand.launch();
  EXPECT_EQ(run.name(), "disk@2026-11-23T08:00:30Z");
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_EQ(stand.deliveries(), 1U);
}

TEST(ByHand, ALaunchKeepsToOverlapForbid) {
  config::JobConfig config;
  config.settings.overlap = config::Overlap::forbid;
  HandStand stand(config);
  stand.launch();
  stand.clock.advance(1s);
  stand.launch();
  EXPECT_EQ(stand.run().state, RunState::skipped);
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(ByHand, DeliversAgain) {
  HandStand stand;
  const auto first = stand.launched_and_delivered();
  ASSERT_TRUE(stages::redeliver(*stand.store, first, "save", stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.deliveries(), 2U);
}

TEST(ByHand, DeliversWhatWasUndeliverable) {
  config::JobConfig config;
  config.settings.pluginretries = 1;
  HandStand stand(config);
  write_text(stand.directory.path() / "broken", "");
  stand.launch();
  stand.pass(2h, 1min);
  ASSERT_EQ(stand.run().state, RunState::undeliverable);
  stand.remove("broken");
  ASSERT_TRUE(stages::redeliver(*stand.store, stand.run(), "save", stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(ByHand, RefusesToDeliverWhereThereIsNothing) {
  HandStand stand;
  const auto posted = stand.launch();
  const auto nothing = stages::redeliver(*stand.store, stand.run(), "save", stand.clock.now());
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().text(), posted.name() + ": it is posted: it has no results to deliver");
  stand.pass(6min, 10s);
  ASSERT_EQ(stand.run().state, RunState::delivered);
  EXPECT_FALSE(stages::redeliver(*stand.store, stand.run(), "", stand.clock.now()).has_value());
}

TEST(ByHand, CollectsAgainWithoutDeliveringTheSameTwice) {
  HandStand stand;
  const auto first = stand.launched_and_delivered();
  ASSERT_TRUE(stages::collect_again(*stand.store, first, stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.deliveries(), 1U);
  EXPECT_EQ(stand.run().result_file, first.result_file);
}

TEST(ByHand, WhatIsCollectedAgainBeforeItIsDeliveredIsDeliveredAllTheSame) {
  HandStand stand;
  write_text(stand.directory.path() / "broken", "");
  stand.launch();
  stand.pass(6min, 10s);
  ASSERT_EQ(stand.run().state, RunState::stored);
  ASSERT_GT(stand.run().failures, 0);
  stand.remove("broken");
  const auto tries = stand.deliveries();
  ASSERT_TRUE(stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.run().reason;
  EXPECT_EQ(stand.deliveries(), tries + 1);
}

TEST(ByHand, WhatIsCollectedAgainBeforeItIsDeliveredAgainIsDeliveredAgain) {
  HandStand stand;
  const auto first = stand.launched_and_delivered();
  ASSERT_TRUE(stages::redeliver(*stand.store, first, first.plugin, stand.clock.now()));
  ASSERT_TRUE(stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.deliveries(), 2U);
}

TEST(ByHand, CollectsWhatCameLate) {
  HandStand stand;
  const auto first = stand.launched_and_delivered();
  stand.api.actions.front().commands.push_back(99);
  stand.api.actions.front().sent = 4;
  ASSERT_TRUE(stages::collect_again(*stand.store, first, stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().commands, 4);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.deliveries(), 2U);
}

TEST(ByHand, CollectsAFileThatIsGoneOrDamaged) {
  HandStand stand;
  const auto first = stand.launched_and_delivered();
  stand.remove(first.result_file);
  ASSERT_TRUE(stages::collect_again(*stand.store, first, stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_THAT(read_text(stand.directory.path() / stand.run().result_file), HasSubstr(R"("plugin":"save"})"));

  write_text(stand.directory.path() / stand.run().result_file, "scratch");
  ASSERT_TRUE(stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_THAT(read_text(stand.directory.path() / stand.run().result_file), HasSubstr(R"("plugin":"save"})"));
  EXPECT_EQ(read_text(stand.directory.path() / (first.result_file + ".damaged")), "scratch");
}

TEST(ByHand, CollectsTheResultsOfASendonlyRun) {
  config::JobConfig config;
  config.sendonly = true;
  HandStand stand(config);
  stand.launch();
  ASSERT_EQ(stand.run().state, RunState::sent);
  stand.clock.advance(10min);
  ASSERT_TRUE(stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now()));
  stand.settle();
  EXPECT_EQ(stand.run().commands, 3);
}

TEST(ByHand, RefusesToCollectWhatWasNeverLaunched) {
  HandStand stand;
  stand.api.script = {FakeApi::Post::refuse};
  stand.launch();
  const auto nothing = stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now());
  ASSERT_FALSE(nothing.has_value());
  EXPECT_THAT(nothing.error().text(), HasSubstr("it is refused: no action was launched for it"));
}

TEST(Pause, NothingIsLaunchedUntilItEnds) {
  HandStand stand;
  stand.put(stand.make_job("disk", "*/5 * * * *"));
  stand.pause();
  stand.pass(1h, 10s);
  EXPECT_EQ(stand.api.posts, 0);
  stand.restart();
  stand.follow_pauses();
  stand.start(stand.make_job("disk", "*/5 * * * *"));
  stand.pass(1h, 10s);
  EXPECT_EQ(stand.api.posts, 0) << "it survives a restart";
  stand.resume();
  stand.settle();
  EXPECT_EQ(stand.api.posts, 0) << "what passed is not made up for";
  EXPECT_TRUE(stand.history("disk").empty()) << "and was not missed";
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.api.posts, 2);
}

TEST(Pause, EndingWhileNobodyRunsDoesNotBurst) {
  config::JobConfig config;
  config.settings.catchup = config::CatchUp::latest;
  HandStand stand;
  stand.put(stand.make_job("disk", "*/5 * * * *", config));
  stand.pause();
  stand.pass(1h, 10s);
  ASSERT_TRUE(stand.store->resume("disk", stand.clock.now()).value());
  stand.restart();
  stand.follow_pauses();
  stand.start(stand.make_job("disk", "*/5 * * * *", config));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 0);
}

TEST(Pause, WhatComesAfterItsEndIsLaunchedHoweverLateThatIsNoticed) {
  HandStand stand;
  stand.put(stand.make_job("disk", "*/5 * * * *"));
  stand.pause();
  stand.pass(1h, 10s);
  stand.clock.set(at("2026-11-23T09:04:50Z"));
  ASSERT_TRUE(stand.store->resume("disk", stand.clock.now()).value());
  stand.clock.advance(20s);
  stand.follow_pauses();
  stand.settle();
  EXPECT_EQ(stand.run().name(), "disk@2026-11-23T09:05:00Z");
  EXPECT_EQ(stand.history("disk").size(), 1U);
}

TEST(Pause, WhatWasMissedBeforeIsCaughtUpAfterIt) {
  config::JobConfig config;
  config.settings.catchup = config::CatchUp::latest;
  HandStand stand;
  stand.put(stand.make_job("disk", "30 * * * *", config));
  ASSERT_TRUE(stand.store->pause("disk", at("2026-11-23T08:40:00Z")).value());
  ASSERT_TRUE(stand.store->resume("disk", at("2026-11-23T08:45:00Z")).value());
  stand.clock.set(at("2026-11-23T08:50:00Z"));
  stand.settle();
  EXPECT_EQ(stand.run().name(), "disk@2026-11-23T08:30:00Z");
  EXPECT_EQ(stand.api.posts, 1);
}

// All of them passed while the runner was stopped.
TEST(Pause, WhatWasMissedBeforeIsFoundBehindWhatMetThePause) {
  for (const auto catchup : {config::CatchUp::latest, config::CatchUp::skip}) {
    config::JobConfig config;
    config.settings.catchup = catchup;
    HandStand stand;
    stand.put(stand.make_job("disk", "*/10 * * * *", config));
    stand.settle();
    ASSERT_TRUE(stand.store->pause("disk", at("2026-11-23T08:25:00Z")).value());
    ASSERT_TRUE(stand.store->resume("disk", at("2026-11-23T08:45:00Z")).value());
    stand.clock.set(at("2026-11-23T08:48:00Z"));
    stand.settle();
    const bool launched = catchup == config::CatchUp::latest;
    EXPECT_EQ(stand.run().name(), "disk@2026-11-23T08:20:00Z");
    EXPECT_EQ(stand.run().state, launched ? RunState::posted : RunState::missed);
    EXPECT_EQ(stand.history("disk").size(), launched ? 2U : 1U);
    EXPECT_EQ(stand.history("disk").back().state, RunState::missed);
    stand.clock.set(at("2026-11-23T09:12:00Z"));
    stand.settle();
    EXPECT_EQ(stand.run().name(), "disk@2026-11-23T09:10:00Z");
  }
}

TEST(Pause, HoldsAlsoBeforeTheRunnerHasNoticedIt) {
  HandStand stand;
  stand.clock.set(at("2026-11-23T08:00:59.7Z"));
  stand.put(stand.make_job("disk", "* * * * *"));
  stand.settle();
  ASSERT_EQ(stand.run().state, RunState::due);
  ASSERT_TRUE(stand.store->pause("disk", stand.clock.now()).value());
  stand.advance(400ms);
  EXPECT_EQ(stand.run().state, RunState::skipped);
  EXPECT_THAT(stand.run().reason, HasSubstr("paused"));
  EXPECT_EQ(stand.api.posts, 0);
}

TEST(Pause, ARunThatWaitsToBeTriedAgainIsSkipped) {
  HandStand stand;
  stand.api.script = {FakeApi::Post::unavailable};
  stand.launch();
  ASSERT_EQ(stand.run().state, RunState::due);
  stand.pause();
  stand.pass(5min, 10s);
  EXPECT_EQ(stand.run().state, RunState::skipped);
  EXPECT_THAT(stand.run().reason, HasSubstr("paused"));
  EXPECT_EQ(stand.api.actions.size(), 0U);
}

TEST(Pause, WhatIsPlannedAheadOfItsTimeIsSkipped) {
  HandStand stand;
  stand.clock.set(at("2026-11-23T08:00:59.7Z"));
  stand.put(stand.make_job("disk", "* * * * *"));
  stand.settle();
  ASSERT_EQ(stand.run().state, RunState::due);
  stand.clock.advance(100ms);
  stand.pause();
  stand.advance(1s);
  EXPECT_EQ(stand.run().state, RunState::skipped);
  EXPECT_EQ(stand.api.posts, 0);
}

TEST(Pause, ALaunchByHandGoesThrough) {
  HandStand stand;
  stand.pause();
  stand.launch();
  EXPECT_EQ(stand.run().state, RunState::posted);
}

// As where they are typed on two machines of a group.
TEST(Pause, ALaunchByHandGoesThroughAlsoWhereTheClockIsBehindThatOfThePause) {
  HandStand stand;
  stand.pause();
  stand.clock.set(stand.clock.now() - 10s);
  stand.launch();
  EXPECT_EQ(stand.run().state, RunState::posted);
}

TEST(Pause, WhatWaitsIsSkippedAlsoWhereTheClockOfThePauseIsBehind) {
  HandStand stand;
  stand.api.script = {FakeApi::Post::unavailable};
  stand.launch();
  ASSERT_TRUE(stand.store->pause("disk", stand.clock.now() - 10s).value());
  stand.follow_pauses();
  stand.pass(5min, 10s);
  EXPECT_EQ(stand.run().state, RunState::skipped);
}

}  // namespace
}  // namespace mig_runner::test
