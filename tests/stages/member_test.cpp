// What can go wrong between a member of a group, its database and the others.

#include <gmock/gmock.h>

#include <thread>

#include "stages/member_stand.h"
#include "support/tcp_proxy.h"

namespace mig_runner::test {
namespace {

// A database that loses the answer to a commit.
struct Loser : OwnServer {
  std::string uri_through_proxy() const {
    return "postgresql://runner@127.0.0.1:" + std::to_string(proxy.port()) + "/test_1";
  }
  // The commit comes through, but the connection is cut before that is said. `condition`: of the row NEW of runs.
  std::jthread the_answer_to(const std::string& condition) {
    server.doze_at_commit("test_1", condition);
    return std::jthread([this](const std::stop_token& stop) {
      while (!server.somebody_dozes("test_1") && !stop.stop_requested()) std::this_thread::yield();
      proxy.cut();
    });
  }
  TcpProxy proxy{server.socket()};
};

TEST(LostAnswer, OfTheDatabaseToACollectedResultLeavesItsFile) {
  Loser lose;
  Stand stand("2026-11-23T08:00:30Z", lose.uri_through_proxy());
  stand.api.commands_per_action = 25;
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.settle();
  const auto cutter = lose.the_answer_to("NEW.state = 4");
  stand.clock.set(at("2026-11-23T08:06:00Z"));
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (stand.log.count("was not recorded: disk@2026-11-23T08:01:00Z: it is stored by now") == 0 &&
         std::chrono::steady_clock::now() < end)
    stand.advance(1s);
  EXPECT_EQ(stand.log.count("it is stored by now"), 1) << stand.log.all();
  EXPECT_EQ(stand.history("disk").front().state, RunState::stored);
  EXPECT_TRUE(result_exists(stand, "7001.json"));
}

TEST(LaunchLimit, LeavesToOthersWhatIsBeyondIt) {
  MemberStand stand;
  stand.limit_launches(1);
  const auto add = [&](std::chrono::milliseconds later) {
    store::Run run;
    run.job = "disk";
    run.nominal = run.wake.emplace(stand.clock.now() + later);
    run.deadline = run.nominal + 5min;
    ASSERT_TRUE(stand.store->add({&run, 1}));
  };
  for (int i = 1; i <= 20; ++i) add(std::chrono::milliseconds(i));
  const auto posts = stand.api.posts;
  stand.advance(100ms);
  EXPECT_EQ(stand.api.posts, posts + 1);
  const auto other = stand.other_member();
  EXPECT_EQ(other->claim(std::array{RunState::due}, stand.clock.now(), 100)->size(), 19U);
}

// As where configuration management replaces a directory, while the run is in hand ahead of its time.
TEST(JobThatGoes, IsLaunchedByAnotherThatHasIt) {
  MemberStand stand({}, "1-2 8 * * *");
  const auto other = stand.other_member();
  stand.clock.set(at("2026-11-23T08:01:59.7Z"));
  stand.settle();
  stand.jobs.remove("disk");
  ASSERT_TRUE(stand.store->group()->set_jobs({}));
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.settle();
  EXPECT_EQ(stand.count(RunState::skipped), 0) << stand.log.all();
  EXPECT_EQ(other->claim(std::array{RunState::due}, stand.clock.now(), 10)->size(), 1U);
}

// The answer to "signed" is lost though it was written: nothing was posted yet, and nobody has the run in hand.
TEST(LostAnswer, OfTheDatabaseToASignedRunDelaysItsLaunchAndNoMore) {
  Loser lose;
  Stand stand("2026-11-23T08:00:30Z", lose.uri_through_proxy());
  stand.start(stand.make_job("disk", "1 8 * * *"));
  const auto cutter = lose.the_answer_to("NEW.state = 1");
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

config::JobConfig catching_up() {
  config::JobConfig config;
  config.settings.catchup = config::CatchUp::latest;
  return config;
}

// One that has not got the change yet, or not any more, begins anew as well.
TEST(AnEditThatIsRolledOut, CountsFromTheMomentAtWhichAMemberHasIt) {
  MemberStand first(catching_up(), "0 12 * * *");
  first.stages.reset();
  first.store.reset();
  Stand second("2026-11-23T13:30:10Z", first.uri);
  second.start(second.make_job("disk", "0 13 * * *", catching_up()));
  second.settle();
  EXPECT_TRUE(second.history().empty()) << second.log.all();
  Stand third("2026-11-24T12:30:00Z", first.uri);
  third.start(first.job);
  third.settle();
  EXPECT_TRUE(third.history().empty()) << third.log.all();
}

TEST(AnEditThatIsRolledOut, MakesNoTimeTwiceAndNoneThatNobodyHas) {
  MemberStand first(catching_up(), "*/2 * * * *");
  Stand second("2026-11-23T08:01:00Z", first.uri);
  second.start(first.job);
  const auto pass = [&](int minutes) {
    for (int i = 0; i < 6 * minutes; ++i)
      for (Stand* member : {static_cast<Stand*>(&first), &second}) member->advance(10s);
  };
  pass(4);
  const auto edited = first.make_job("disk", "*/3 * * * *", catching_up());
  second.put(edited);
  pass(7);
  second.restart();
  second.start(edited);
  first.put(edited);
  pass(6);
  std::vector<std::string> times;
  for (const auto& run : second.history()) {
    EXPECT_NE(run.state, RunState::missed) << run.name();
    times.push_back(format_utc(run.nominal).substr(11, 5));
  }
  EXPECT_THAT(times,
              testing::ElementsAre("08:18", "08:15", "08:12", "08:10", "08:09", "08:08", "08:06", "08:04", "08:02"))
      << first.log.all();
  EXPECT_EQ(first.api.posts + second.api.posts, 9);
}

TEST(AJobThatItsLastHolderRemoves, BeginsAnewWhereItIsPutBack) {
  MemberStand first(catching_up());
  first.stages->planner.remove("disk", first.clock.now());
  first.jobs.remove("disk");
  ASSERT_TRUE(first.store->group()->set_jobs({}));
  first.settle();
  Stand second("2026-11-23T08:05:10Z", first.uri);
  second.put(first.job);
  second.settle();
  EXPECT_EQ(second.history().size(), 1U) << second.log.all();
}

TEST(WhoseClockIsFarOff, LeavesTheWorkToOthersWithoutAWord) {
  MemberStand right;
  Stand ahead("2026-11-23T08:02:15Z", right.server.uri_with_other_clock(right.database(), -75s));
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
  Stand behind("2026-11-23T08:01:00Z", right.server.uri_with_other_clock(right.database(), 60s));
  *behind.signatures = 1000;
  behind.api.script = {FakeApi::Post::lost_not_accepted};
  store::Run run;
  run.job = "disk";
  run.nominal = at("2026-11-23T08:01:30Z");
  run.wake = behind.clock.now();
  behind.jobs.put(right.job);
  ASSERT_TRUE(behind.store->group()->set_jobs({{"disk", "hash"}}));
  ASSERT_TRUE(behind.store->add({&run, 1}));
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

TEST(AClaimThatFails, IsTriedAgainSoonAndLaterMoreRarely) {
  MemberStand stand;
  stand.server.query(stand.database(), "ALTER TABLE runs RENAME TO gone");
  const auto pause = [&] { return *stand.stages->launch(stand.clock.now()) - stand.clock.now(); };
  EXPECT_LT(pause(), 2s);
  for (int i = 0; i < 10; ++i) pause();
  EXPECT_GT(pause(), 20s);
  stand.server.query(stand.database(), "ALTER TABLE gone RENAME TO runs");
  stand.settle();
  stand.server.query(stand.database(), "ALTER TABLE runs RENAME TO gone");
  EXPECT_LT(pause(), 2s) << "a new failure";
}

// As while another member is just about to claim them.
TEST(LockedRuns, AreNotAskedForAllTheTime) {
  MemberStand stand;
  stand.clock.set(at("2026-11-23T08:02:00Z"));
  stand.stages->planner.step(stand.clock.now());
  const std::jthread locker([&] {
    EXPECT_THROW(stand.server.query(stand.database(), "BEGIN; SELECT FROM runs FOR NO KEY UPDATE; SELECT pg_sleep(60)"),
                 std::runtime_error);
  });
  const auto locked = [&] { return stand.server.somebody_dozes(stand.database()); };
  while (!locked()) std::this_thread::yield();
  std::chrono::milliseconds slept{0};
  int looks = 0;
  for (; slept < 10s && looks < 1000; ++looks) {
    const auto wake = stand.stages->launch(stand.clock.now());
    ASSERT_TRUE(wake);
    slept += std::max(0ms, *wake - stand.clock.now());
  }
  EXPECT_TRUE(locked()) << "else nothing was tested";
  stand.server.query(stand.database(),
                     "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
  EXPECT_LT(looks, 30);
}

}  // namespace
}  // namespace mig_runner::test
