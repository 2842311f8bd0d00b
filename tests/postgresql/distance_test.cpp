// What a distance to the database costs.

#include <map>

#include "members_test.h"

namespace mig_runner::store {
namespace {

class DistanceTest : public MembersTest {
 protected:
  // As many runs, claimed by `store`.
  std::vector<store::Run> claimed(RunStore& store, int count) {
    std::vector<store::Run> runs;
    for (int i = 0; i < count; ++i) {
      runs.emplace_back();
      runs.back().job = "job-" + std::to_string(i);
      runs.back().nominal = kNoon;
      runs.back().wake = kNoon;
    }
    EXPECT_TRUE(store.add(runs));
    return store.claim(std::array{RunState::due}, kNoon, count).value();
  }
};

TEST_F(DistanceTest, ToLookCostsOneMessage) {
  test::TcpProxy proxy(database.server.socket());
  const auto far = member(300s, proxy);
  const auto before = proxy.requests();
  ASSERT_TRUE(far->next_wake(std::array{RunState::due, RunState::signed_, RunState::unknown}));
  EXPECT_EQ(proxy.requests() - before, 1);
}

TEST_F(DistanceTest, ManyChangesTakeAsManyMessagesAsOne) {
  test::TcpProxy proxy(database.server.socket());
  const auto far = member(30s, proxy);
  const auto record = [&](std::span<store::Run> runs, RunState to) {
    std::vector<Change> changes;
    for (auto& run : runs) {
      const auto from = std::exchange(run.state, to);
      changes.push_back({from, run, {"signature of " + run.job, std::nullopt}, true});
    }
    const auto before = proxy.requests();
    EXPECT_TRUE(far->record(changes));
    return proxy.requests() - before;
  };
  auto runs = claimed(*far, 16);
  ASSERT_EQ(runs.size(), 16U);
  const auto one = record({runs.data(), 1}, RunState::signed_);
  EXPECT_EQ(record({runs.data() + 1, 15}, RunState::signed_), one);
  EXPECT_EQ(far->signatures(runs[7]).value(), std::vector{"signature of " + runs[7].job});
}

TEST_F(DistanceTest, OfMoreChangesThanOneStatementTakesAllOrNoneAreRecorded) {
  const auto store = member(30s);
  auto runs = claimed(*store, 401);
  ASSERT_EQ(runs.size(), 401U);
  std::vector<Change> changes;
  for (auto& run : runs) {
    run.state = RunState::posted;
    changes.push_back({RunState::due, run, {std::nullopt, "action of " + run.job}});
  }
  changes[250].from = RunState::unknown;
  const auto refused = store->record(changes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::no);
  EXPECT_EQ(refused.error().text(), runs[250].name() + ": it is due by now, not unknown");
  EXPECT_EQ(store->counts().value(), (std::map<RunState, std::int64_t>{{RunState::due, 401}}));
  changes[250].from = RunState::due;
  EXPECT_TRUE(store->record(changes));
  EXPECT_EQ(store->counts().value(), (std::map<RunState, std::int64_t>{{RunState::posted, 401}}));
  EXPECT_EQ(store->action(runs[400]).value(), "action of " + runs[400].job);
}

TEST_F(DistanceTest, ThousandsOfJobsAreToldAndPlannedOverADistance) {
  test::TcpProxy proxy(database.server.socket());
  const auto far = member(30s, proxy);
  proxy.delay(2ms);
  std::map<std::string, std::string> jobs;
  std::vector<Cursor> cursors;
  std::vector<store::Run> runs;
  for (int i = 0; i < 10'000; ++i) {
    const auto name = "job-" + std::to_string(i);
    jobs.emplace(name, "hash");
    cursors.push_back({name, kNoon, ""});
    runs.emplace_back();
    runs.back().job = name;
    runs.back().nominal = kNoon;
    runs.back().wake = kNoon;
  }
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(far->group()->set_jobs(jobs));
  EXPECT_EQ(far->plan(cursors, runs, kNoon).value(), std::vector<bool>(runs.size(), true));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  EXPECT_EQ(database.query("SELECT count(*) FROM member_jobs JOIN runs USING (job) WHERE hash = job_hash"), "10000\n");
  jobs.erase("job-7");
  jobs["job-8"] = "other";
  ASSERT_TRUE(far->group()->set_jobs(jobs));
  EXPECT_EQ(database.query("SELECT count(*), count(*) FILTER (WHERE hash = 'other') FROM member_jobs"), "9999|1\n");
}

// Each answer counts: all together take longer than one may.
TEST_F(DistanceTest, AsManyJobsAsTakeLongerThanALeaseAreTold) {
  test::TcpProxy proxy(database.server.socket());
  const auto far = member(2s, proxy);
  database.query(
      "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$;"
      "CREATE TRIGGER doze AFTER INSERT ON member_jobs FOR EACH STATEMENT EXECUTE FUNCTION doze()");
  std::map<std::string, std::string> jobs;
  for (int i = 0; i < 1500; ++i) jobs.emplace("job-" + std::to_string(i), "hash");
  EXPECT_TRUE(far->group()->set_jobs(jobs));
  EXPECT_EQ(far->group()->term(), 1U);
}

}  // namespace
}  // namespace mig_runner::store
