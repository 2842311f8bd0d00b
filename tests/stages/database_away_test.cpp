// A member of a group whose database is away: nothing is launched, what it launched is collected and kept, and all is
// recorded once the database is back.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "stages/member_stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;

TEST(DatabaseAway, WhatWasLaunchedIsCollectedAndRecordedLater) {
  MemberStand stand;
  ASSERT_EQ(stand.run().state, RunState::posted);
  ASSERT_EQ(stand.run().launched_by, stand.store->group()->tree());
  stand.server.stop();
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.api.posts, 1) << "nothing is launched";
  EXPECT_EQ(stand.files_waiting(), 1) << stand.log.all();
  const auto requests = stand.api.requests;
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.api.requests, requests) << "once is enough";

  stand.server.start();
  EXPECT_TRUE(stand.settles([&] { return stand.run().state == RunState::stored; })) << stand.log.all();
  const auto run = stand.run();
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(run.commands, 25);
  EXPECT_EQ(run.collected_by, stand.store->group()->tree());
  EXPECT_GE(*run.stored_at, at("2026-11-23T08:06:00Z"));
  EXPECT_LT(*run.stored_at, at("2026-11-23T08:07:00Z")) << "when it was collected";
  const auto document = nlohmann::json::parse(read_text(stand.directory.path() / run.result_file));
  EXPECT_EQ(document.at("commands").size(), 25U);
  EXPECT_EQ(document.at("action").at("id"), run.action_id);
  EXPECT_EQ(document.at("name"), "disk");
  EXPECT_EQ(stand.files_waiting(), 0);
  EXPECT_EQ(stand.log.count("err Runs cannot be claimed"), 1) << "once for all stages\n" << stand.log.all();
  EXPECT_EQ(stand.log.count("Runs can be claimed again"), 1);
  EXPECT_EQ(stand.log.count("err Runs cannot be planned"), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("err "), 2) << stand.log.all();
}

TEST(DatabaseAway, WhatAnEarlierProcessLaunchedIsCollectedToo) {
  MemberStand stand;
  stand.restart();
  stand.start(stand.job);
  stand.settle();
  stand.server.stop();
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.files_waiting(), 1) << stand.log.all();
  stand.server.start();
  EXPECT_TRUE(stand.settles([&] { return stand.run().state == RunState::stored; })) << stand.log.all();
}

TEST(DatabaseAway, WhatAnotherHasRecordedMeanwhileIsDropped) {
  MemberStand stand;
  stand.server.stop();
  stand.pass(6min, 10s);
  ASSERT_EQ(stand.files_waiting(), 1) << stand.log.all();
  stand.server.start();
  const auto other = stand.other_member();
  auto claimed = other->claim(std::array{RunState::posted}, stand.clock.now(), 1).value();
  ASSERT_EQ(claimed.size(), 1U);
  claimed[0].state = RunState::delivered;
  claimed[0].wake.reset();
  claimed[0].collected_by = "another:/srv";
  const store::Change change{RunState::posted, claimed[0], {}};
  ASSERT_TRUE(other->record({&change, 1}));
  stand.clock.advance(11s);
  EXPECT_TRUE(stand.settles([&] { return stand.files_waiting() == 0; })) << stand.log.all();
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().collected_by, "another:/srv");
}

// Nothing remembers it after that; what is still posted is read from the API again.
TEST(DatabaseAway, WhatWaitsForItEndsWithTheRunner) {
  MemberStand stand;
  stand.server.stop();
  stand.pass(6min, 10s);
  ASSERT_EQ(stand.files_waiting(), 1) << stand.log.all();
  stand.stages.reset();
  EXPECT_EQ(stand.files_waiting(), 0);
}

// As where the process is stopped right before it posts: others have found its lease ended and launched the run.
TEST(LeaseEnded, NothingIsPostedUnderIt) {
  MemberStand stand;
  const auto other = stand.other_member();
  stand.api.before_posts = [&] {
    stand.server.query(stand.database(),
                       "UPDATE runs SET owner = NULL; DELETE FROM members WHERE id IN"
                       " (SELECT id FROM members ORDER BY started LIMIT 1)");
    EXPECT_FALSE(stand.store->claim(std::array{RunState::due}, stand.clock.now(), 1)) << "it sees that it is none";
  };
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1) << "only the one before\n" << stand.log.all();
  const auto run = stand.store->find("disk", at("2026-11-23T08:02:00Z")).value().value();
  EXPECT_EQ(run.state, RunState::unknown) << "who takes it over asks the API first";

  stand.api.before_posts = {};
  stand.pass(44s);
  EXPECT_EQ(stand.api.posts, 1) << "who lost it may live, and have a post open\n" << stand.log.all();
  stand.pass(10s);
  EXPECT_EQ(stand.api.posts, 2) << stand.log.all();
}

// The row of the member is locked, so that its lease cannot be renewed in time.
TEST(LeaseEnded, AndNobodyTookOverIsNoTry) {
  config::JobConfig config;
  config.settings.retries = 0;
  MemberStand stand(config, "1-2 8 * * *", 2s);
  stand.limit_launches(1);
  std::jthread locker;
  stand.api.before_posts = [&] {
    const auto term = stand.store->group()->term();
    locker = std::jthread([&] {
      stand.server.query(stand.database(),
                         "BEGIN; SELECT FROM members FOR NO KEY UPDATE; SELECT pg_sleep(2.5); COMMIT");
    });
    while (stand.store->group()->holds(term)) std::this_thread::yield();
  };
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  stand.api.before_posts = {};
  EXPECT_EQ(stand.api.posts, 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("this runner's lease was not renewed in time"), 1) << stand.log.all();
  EXPECT_TRUE(stand.settles([&] {
    stand.clock.advance(1s);
    return stand.api.posts == 2;
  })) << stand.log.all();
  EXPECT_EQ(stand.log.count("maxlaunchesperminute"), 0) << stand.log.all();
}

// Its lease lives in the database, but this member cannot know.
TEST(LeaseEnded, NothingIsDeliveredUnderIt) {
  config::JobConfig config;
  config.plugin = "save";
  MemberStand stand(config, "1 8 * * *", 2s);
  stand.plugin("save", "cat > received");
  stand.server.query(stand.database(),
                     "UPDATE members SET lease_until = clock_timestamp() + interval '1 h';"
                     "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no';"
                     " END $$; CREATE TRIGGER refuse BEFORE UPDATE ON members FOR EACH ROW EXECUTE FUNCTION refuse()");
  while (stand.store->group()->holds(stand.store->group()->term())) std::this_thread::yield();
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored) << stand.log.all();
  EXPECT_FALSE(std::filesystem::exists(stand.directory.path() / "received"));
  stand.server.query(stand.database(), "DROP TRIGGER refuse ON members");
  EXPECT_TRUE(stand.settles([&] {
    stand.clock.advance(1s);
    return stand.run().state == RunState::delivered;
  })) << stand.log.all();
}

TEST(LeaseEnded, AResultThatAnotherHasCollectedIsNotKeptTwice) {
  MemberStand stand;
  const auto other = stand.other_member();
  stand.api.before_page = [&](FakeApi::Stored&) {
    stand.api.before_page = {};
    stand.server.query(stand.database(), "UPDATE runs SET owner = NULL");
    auto claimed = other->claim(std::array{RunState::posted}, stand.clock.now(), 1).value();
    ASSERT_EQ(claimed.size(), 1U);
    claimed[0].state = RunState::stored;
    claimed[0].wake.reset();
    claimed[0].result_file = "there.json";
    claimed[0].collected_by = "another:/srv";
    ASSERT_TRUE(other->record(std::array{store::Change{RunState::posted, claimed[0], {}}}));
  };
  stand.clock.set(at("2026-11-23T08:06:00Z"));
  stand.pass(2s);
  EXPECT_EQ(stand.run().collected_by, "another:/srv");
  EXPECT_EQ(stand.log.count("was not recorded"), 1) << stand.log.all();
  EXPECT_FALSE(result_exists(stand, "7001.json"));
}

// As with a disk that is full: what is small can be written.
TEST(SignedActions, ThatCannotBeWrittenDownAreNeitherPostedNorSignedWithoutEnd) {
  MemberStand stand;
  stand.server.query(stand.database(),
                     "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
                     " 'no space' USING ERRCODE = '53100'; END $$; CREATE TRIGGER full_disk BEFORE INSERT ON documents"
                     " FOR EACH ROW EXECUTE FUNCTION full_disk()");
  const auto signatures = *stand.signatures;
  stand.limit_launches(3);
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  stand.pass(58s);
  EXPECT_EQ(stand.api.posts, 1);
  EXPECT_LE(*stand.signatures - signatures, 40) << stand.log.all();
  EXPECT_GE(stand.log.count("disk@2026-11-23T08:02:00Z: not launched, next try at"), 3);
  EXPECT_EQ(stand.log.count("maxlaunchesperminute"), 0) << stand.log.all();
  stand.server.query(stand.database(), "DROP TRIGGER full_disk ON documents");
  stand.pass(2min);
  EXPECT_GE(stand.api.posts, 3) << stand.log.all();
}

TEST(WhoLaunched, IsWhoPostedItAlsoWhereAnotherFindsIt) {
  MemberStand stand;
  stand.api.script = {FakeApi::Post::lost_accepted};
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  const auto run = [&] { return stand.store->find("disk", at("2026-11-23T08:02:00Z")).value().value(); };
  ASSERT_EQ(run().state, RunState::unknown);
  stand.server.query(stand.database(), "UPDATE runs SET launched_by = 'another:/srv' WHERE state = 2");
  stand.pass(5s);
  EXPECT_EQ(run().state, RunState::posted);
  EXPECT_EQ(run().launched_by, "another:/srv");
}

TEST(DatabaseAway, AnApiThatIsAwayTooIsAskedAgain) {
  MemberStand stand;
  stand.server.stop();
  stand.api.down = true;
  stand.pass(7min, 10s);
  EXPECT_EQ(stand.files_waiting(), 0);
  EXPECT_LT(stand.log.count("not collected, next try (while nothing can be recorded)"), 10);
  stand.api.down = false;
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.files_waiting(), 1) << stand.log.all();
}

TEST(DatabaseAway, ALongOutageEndsWithoutABurst) {
  for (const auto catch_up : {config::CatchUp::skip, config::CatchUp::latest}) {
    config::JobConfig config;
    config.settings.catchup = catch_up;
    MemberStand stand(config, "1 * * * *");
    stand.server.stop();
    stand.pass(3h + 5min, 60s);
    EXPECT_EQ(stand.api.posts, 1);
    EXPECT_LT(stand.log.lines.size(), 20U) << stand.log.all();
    stand.server.start();
    EXPECT_TRUE(stand.settles([&] {
      return stand.store->history("disk", 1)->front().nominal == at("2026-11-23T11:01:00Z");
    })) << stand.log.all();
    stand.settle();
    EXPECT_EQ(stand.api.posts, catch_up == config::CatchUp::latest ? 2 : 1) << stand.log.all();
    EXPECT_LE(stand.count(RunState::missed), 2) << "one record for all";
  }
}

}  // namespace
}  // namespace mig_runner::test
