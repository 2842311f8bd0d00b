// A member of a group whose database is away: nothing is launched, what it launched is collected and kept, and all is
// recorded once the database is back.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runner/stand.h"
#include "store/administration.h"
#include "support/postgresql_server.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;

// A server that may be stopped, unlike the one that the other tests share.
struct OwnServer {
  OwnServer() : uri(server.uri(server.new_database())) {
    EXPECT_TRUE(store::make_schema(store::Location::parse(uri, "").value()));
  }
  PostgresqlServer server;
  const std::string uri;
};

struct MemberStand : OwnServer, Stand {
  explicit MemberStand(config::JobConfig config = {}, const std::string& schedule = "* * * * *")
      : Stand("2026-11-23T08:00:30Z", uri) {
    api.commands_per_action = 25;
    settings.page_size = 10;
    job = make_job("disk", schedule, std::move(config));
    start(job);
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
  }
  store::Run run() { return store->find("disk", at("2026-11-23T08:01:00Z")).value().value(); }
  // Works on until the store answers again and `condition` holds; its connection is tried once a second of real time.
  bool settles(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      settle();
      if (store->counts() && condition()) return true;
    }
    return false;
  }
  std::string database() const { return "test_1"; }
  int files_waiting() const {
    int found = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(settings.unrecorded_results(), none))
      found += entry.is_regular_file() ? 1 : 0;
    return found;
  }
  spool::JobPtr job;
};

TEST(DatabaseAway, WhatWasLaunchedIsCollectedAndRecordedLater) {
  MemberStand stand;
  ASSERT_EQ(stand.run().state, RunState::posted);
  ASSERT_EQ(stand.run().launched_by, stand.store->tree());
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
  EXPECT_EQ(run.collected_by, stand.store->tree());
  EXPECT_GE(*run.stored_at, at("2026-11-23T08:06:00Z"));
  EXPECT_LT(*run.stored_at, at("2026-11-23T08:07:00Z")) << "when it was collected";
  const auto document = nlohmann::json::parse(read_text(stand.directory.path() / run.result_file));
  EXPECT_EQ(document.at("commands").size(), 25U);
  EXPECT_EQ(document.at("action").at("id"), run.action_id);
  EXPECT_EQ(document.at("name"), "disk");
  EXPECT_EQ(stand.files_waiting(), 0);
  EXPECT_EQ(stand.log.count("err Runs cannot be claimed"), 1) << "once for all stages\n" << stand.log.all();
  EXPECT_EQ(stand.log.count("Runs can be claimed again"), 1);
  EXPECT_EQ(stand.log.count("the database is away (Cannot establish connection"), 2) << "planner, stages";
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
  const auto other = std::move(store::RunStore::open(stand.location, "other", stand.clock.now(), 30s)->store);
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

// As where the process is stopped right before it posts: others have found its lease ended and launched the run.
TEST(LeaseEnded, NothingIsPostedUnderIt) {
  MemberStand stand;
  const auto other = std::move(store::RunStore::open(stand.location, "other", stand.clock.now(), 30s)->store);
  stand.api.before_many = [&] {
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

  stand.api.before_many = {};
  stand.pass(44s);
  EXPECT_EQ(stand.api.posts, 1) << "who lost it may live, and have a post open\n" << stand.log.all();
  stand.pass(10s);
  EXPECT_EQ(stand.api.posts, 2) << stand.log.all();
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
  EXPECT_LT(stand.log.count("not collected while the database is away"), 10);
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
