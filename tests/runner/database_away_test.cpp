// A member of a group whose database is away: nothing is launched, what it launched is collected and kept, and all is
// recorded once the database is back.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "runner/stand.h"
#include "store/administration.h"
#include "support/postgresql_server.h"
#include "support/tcp_proxy.h"

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
  explicit MemberStand(config::JobConfig config = {}, const std::string& schedule = "* * * * *",
                       std::chrono::milliseconds its_lease = 30s)
      : Stand("2026-11-23T08:00:30Z", uri, its_lease) {
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
  void limit_launches(int per_minute) {
    settings.max_launches_per_minute = per_minute;
    restart();
    start(job);
  }
  std::unique_ptr<store::RunStore> other_member() const {
    auto other = std::move(store::RunStore::open(location, "other", clock.now(), 30s)->store);
    EXPECT_TRUE(other->set_jobs({{"disk", "hash"}}));
    return other;
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

// As where the process is stopped right before it posts: others have found its lease ended and launched the run.
TEST(LeaseEnded, NothingIsPostedUnderIt) {
  MemberStand stand;
  const auto other = stand.other_member();
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

// The row of the member is locked, so that its lease cannot be renewed in time.
TEST(LeaseEnded, AndNobodyTookOverIsNoTry) {
  config::JobConfig config;
  config.settings.retries = 0;
  MemberStand stand(config, "* * * * *", 2s);
  stand.limit_launches(1);
  std::jthread locker;
  stand.api.before_many = [&] {
    const auto term = stand.store->term();
    locker = std::jthread([&] {
      stand.server.query(stand.database(),
                         "BEGIN; SELECT FROM members FOR NO KEY UPDATE; SELECT pg_sleep(2.5); COMMIT");
    });
    while (stand.store->holds(term)) std::this_thread::yield();
  };
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  stand.api.before_many = {};
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
  while (stand.store->holds(stand.store->term())) std::this_thread::yield();
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored) << stand.log.all();
  EXPECT_FALSE(std::filesystem::exists(stand.directory.path() / "received"));
  stand.server.query(stand.database(), "DROP TRIGGER refuse ON members");
  EXPECT_TRUE(stand.settles([&] {
    stand.clock.advance(1s);
    return stand.run().state == RunState::delivered;
  })) << stand.log.all();
}

bool file_exists(const Stand& stand, const std::string& name) {
  return std::filesystem::exists(stand.directory.path() / "runners/disk/results/20261123" / name);
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
  EXPECT_FALSE(file_exists(stand, "7001.json"));
}

TEST(LostAnswer, OfTheDatabaseToACollectedResultLeavesItsFile) {
  OwnServer own;
  TcpProxy proxy(own.server.socket());
  Stand stand("2026-11-23T08:00:30Z", "postgresql://runner@127.0.0.1:" + std::to_string(proxy.port()) + "/test_1");
  stand.api.commands_per_action = 25;
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.settle();
  own.server.query("test_1",
                   "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.state = 4 THEN PERFORM"
                   " pg_sleep(0.5); END IF; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER doze AFTER UPDATE ON runs"
                   " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doze()");
  const std::jthread cutter([&](const std::stop_token& stop) {
    const auto dozes = [&] {
      return own.server.query("test_1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != "0\n";
    };
    while (!dozes() && !stop.stop_requested()) std::this_thread::yield();
    proxy.cut();
  });
  stand.clock.set(at("2026-11-23T08:06:00Z"));
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (stand.log.count("was not recorded: disk@2026-11-23T08:01:00Z: it is stored by now") == 0 &&
         std::chrono::steady_clock::now() < end)
    stand.advance(1s);
  EXPECT_EQ(stand.log.count("it is stored by now"), 1) << stand.log.all();
  EXPECT_EQ(stand.history("disk").front().state, RunState::stored);
  EXPECT_TRUE(file_exists(stand, "7001.json"));
}

// The answer to "signed" is lost though it was written: nothing was posted yet, and nobody has the run in hand.
TEST(LostAnswer, OfTheDatabaseToASignedRunDelaysItsLaunchAndNoMore) {
  OwnServer own;
  TcpProxy proxy(own.server.socket());
  Stand stand("2026-11-23T08:00:30Z", "postgresql://runner@127.0.0.1:" + std::to_string(proxy.port()) + "/test_1");
  stand.start(stand.make_job("disk", "1 8 * * *"));
  own.server.query("test_1",
                   "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.state = 1 THEN PERFORM"
                   " pg_sleep(0.5); END IF; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER doze AFTER UPDATE ON runs"
                   " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doze()");
  const std::jthread cutter([&](const std::stop_token& stop) {
    const auto dozes = [&] {
      return own.server.query("test_1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != "0\n";
    };
    while (!dozes() && !stop.stop_requested()) std::this_thread::yield();
    proxy.cut();
  });
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (stand.api.posts == 0 && std::chrono::steady_clock::now() < end) stand.advance(1s);
  EXPECT_EQ(stand.api.posts, 1) << stand.log.all();
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.api.posts, 1) << stand.log.all();
}

// Its only holder stops right before a time, and the job comes to another member right after it.
TEST(AJobThatIsRolledOut, LosesNoTimeThatAnotherMemberLeft) {
  MemberStand first;
  const auto nominal = at("2026-11-23T08:02:00Z");
  first.stages.reset();
  first.store.reset();
  Stand second("2026-11-23T08:02:10Z", first.uri);
  second.put(first.job);
  second.settle();
  EXPECT_TRUE(second.store->find("disk", nominal).value().has_value()) << second.log.all();
  second.stages.reset();
  second.store.reset();
  Stand much_later("2026-11-23T12:00:10Z", first.uri);
  much_later.put(first.job);
  much_later.settle();
  EXPECT_EQ(much_later.history().size(), 2U) << "of what is long past nothing is said";
}

TEST(WhoseClockIsFarOff, LeavesTheWorkToOthersWithoutAWord) {
  MemberStand right;
  right.server.query(right.database(),
                     "CREATE SCHEMA off; CREATE FUNCTION off.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
                     " $$ SELECT pg_catalog.clock_timestamp() - interval '75 s' $$");
  Stand ahead("2026-11-23T08:02:15Z", right.uri + "&options=-csearch_path%3Doff,pg_catalog,public");
  ahead.start(right.job);
  ahead.pass(10min, 10s);
  EXPECT_EQ(ahead.api.requests, 0);
  EXPECT_TRUE(ahead.log.lines.empty()) << ahead.log.all();
  EXPECT_EQ(ahead.history().size(), 1U) << "what is still to come is not missed";
  right.pass(5min, 10s);
  EXPECT_EQ(right.run().state, RunState::stored) << right.log.all();
  right.stages.reset();
  right.store.reset();
  ahead.pass(1min);
  EXPECT_GT(ahead.api.posts, 0) << "there is nobody else\n" << ahead.log.all();
}

// Two members whose clocks differ by a minute, and the API may still be at a request whose answer was lost.
TEST(LostAnswer, IsWaitedForByTheDatabasesClock) {
  MemberStand right;
  right.server.query(right.database(),
                     "CREATE SCHEMA off; CREATE FUNCTION off.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
                     " $$ SELECT pg_catalog.clock_timestamp() + interval '60 s' $$");
  Stand behind("2026-11-23T08:01:00Z", right.uri + "&options=-csearch_path%3Doff,pg_catalog,public");
  *behind.signatures = 1000;
  behind.api.script = {FakeApi::Post::lost_not_accepted};
  store::Run run;
  run.job = "disk";
  run.nominal = at("2026-11-23T08:01:30Z");
  run.wake = behind.clock.now();
  behind.jobs.put(right.job);
  ASSERT_TRUE(behind.store->set_jobs({{"disk", "hash"}}));
  ASSERT_TRUE(behind.store->plan({}, {&run, 1}));
  behind.stages->launch(behind.clock.now());
  ASSERT_EQ(behind.api.posts, 1);
  behind.stages.reset();
  behind.store.reset();

  right.clock.set(at("2026-11-23T08:02:03Z"));  // three seconds later
  const auto posts = right.api.posts;
  const auto tries = [&] { return right.log.count("disk@2026-11-23T08:01:30Z: not launched"); };
  right.settle();
  EXPECT_EQ(tries(), 0) << right.log.all();
  right.clock.set(at("2026-11-23T08:02:18Z"));
  right.settle();
  EXPECT_EQ(tries(), 1) << right.log.all();
  EXPECT_EQ(posts, 1);
}

// As while another member is just about to claim them.
TEST(LockedRuns, AreNotAskedForAllTheTime) {
  MemberStand stand;
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.stages->planner.step(stand.clock.now());
  const std::jthread locker([&] {
    stand.server.query(stand.database(), "BEGIN; SELECT FROM runs FOR NO KEY UPDATE; SELECT pg_sleep(1); COMMIT");
  });
  const auto locked = [&] {
    return stand.server.query(stand.database(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") !=
           "0\n";
  };
  while (!locked()) std::this_thread::yield();
  std::chrono::milliseconds slept{0};
  int looks = 0;
  for (; slept < 10s && looks < 1000; ++looks) {
    const auto wake = stand.stages->launch(stand.clock.now());
    ASSERT_TRUE(wake);
    slept += std::max(0ms, *wake - stand.clock.now());
  }
  EXPECT_TRUE(locked()) << "else nothing was tested";
  EXPECT_LT(looks, 30);
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
