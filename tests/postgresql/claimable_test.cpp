// Which runs of the group a member may claim, and from when on.

#include <gmock/gmock.h>

#include "members_test.h"
#include "support/set_clock.h"

namespace mig_runner::store {
namespace {

using testing::HasSubstr;

class ClaimableTest : public MembersTest {
 protected:
  std::unique_ptr<RunStore> member_ahead() {
    clock_ahead.set_by(75s);
    return std::move(RunStore::open(database.location(), "runner", kNoon, 300s, clock_ahead)->store);
  }
  test::SetClock clock_ahead;
};

TEST_F(ClaimableTest, AResultIsDeliveredWhereItsFileLiesUnlessThatMemberIsGone) {
  const auto in_tree = [&](const std::string& tree, std::chrono::milliseconds lease) {
    const auto location = Location::parse(database.location().uri, tree + "/state/runs.db").value();
    return std::move(RunStore::open(location, "runner", kNoon, lease)->store);
  };
  auto collector = in_tree("/one", 300s);
  const auto other = in_tree("/two", 2s);
  plan(*collector, "a", RunState::posted);
  auto run = claim(*collector, RunState::posted).at(0);
  run.state = RunState::stored;
  run.result_file = "file";
  run.collected_by = collector->group()->tree();
  const Change change{RunState::posted, run, {}};
  ASSERT_TRUE(collector->record({&change, 1}));
  const auto stored = RunState::stored;
  EXPECT_TRUE(claim(*other, stored).empty());
  EXPECT_EQ(other->next_wake({&stored, 1}).value(), std::nullopt);
  EXPECT_EQ(collector->next_wake({&stored, 1}).value(), kNoon);
  collector.reset();
  EXPECT_TRUE(claim(*other, stored).empty()) << "it may be restarting";
  end_leases_but_of(newest_member());
  EXPECT_TRUE(eventually([&] { return claim(*other, stored).size() == 1; }));
}

TEST_F(ClaimableTest, AMemberThatIsRestartedGivesNothingAway) {
  const auto in_tree = [&](const std::string& tree, const std::map<std::string, std::string>& jobs) {
    const auto location = Location::parse(database.location().uri, tree + "/state/runs.db").value();
    auto store = std::move(RunStore::open(location, "runner", kNoon, 300s)->store);
    EXPECT_TRUE(store->group()->set_jobs(jobs));
    return store;
  };
  const std::array states{RunState::due, RunState::signed_, RunState::unknown, RunState::posted, RunState::stored};
  auto only_one = in_tree("/one", {{"a", "1"}});
  const auto lacking = in_tree("/two", {});
  for (std::size_t i = 0; i < states.size(); ++i) {
    store::Run run;
    run.job = "a";
    run.nominal = kNoon + std::chrono::minutes(i);
    run.state = states[i];
    run.wake = kNoon;
    ASSERT_TRUE(only_one->add({&run, 1}));
  }
  ASSERT_EQ(only_one->claim(states, kNoon, 10)->size(), states.size());
  only_one.reset();
  EXPECT_TRUE(lacking->claim(states, kNoon, 10)->empty());
  EXPECT_EQ(lacking->next_wake(states).value(), std::nullopt);
  const auto with_the_job = in_tree("/three", {{"a", "1"}});
  auto claimed = with_the_job->claim(states, kNoon, 10).value();
  EXPECT_EQ(claimed.size(), states.size()) << "claims end at once";
  ASSERT_TRUE(with_the_job->release(claimed));
  only_one = in_tree("/one", {{"a", "1"}});
  EXPECT_EQ(only_one->claim(states, kNoon, 10)->size(), states.size());
}

TEST_F(ClaimableTest, AResultIsDeliveredWhereItLiesAlsoWhereTheJobHasChangedThere) {
  const auto one = member(300s);
  const auto location = Location::parse(database.location().uri, "/other/state/runs.db").value();
  const auto two = std::move(RunStore::open(location, "runner", kNoon, 300s)->store);
  ASSERT_TRUE(one->group()->set_jobs({{"a", "old"}}));
  ASSERT_TRUE(two->group()->set_jobs({{"a", "old"}}));
  plan(*one, "a", RunState::posted);
  auto run = claim(*one, RunState::posted).at(0);
  run.state = RunState::stored;
  run.result_file = "file";
  run.collected_by = one->group()->tree();
  ASSERT_TRUE(one->record(std::array{Change{RunState::posted, run, {}}}));
  ASSERT_TRUE(one->group()->set_jobs({{"a", "new"}}));
  EXPECT_TRUE(claim(*two, RunState::stored).empty());
  EXPECT_EQ(claim(*one, RunState::stored).size(), 1U);
}

TEST_F(ClaimableTest, AMemberClaimsOnlyRunsOfJobsThatItHasAsTheyWerePlanned) {
  const auto planner = member(300s);
  auto old = member(300s);
  const auto lacking = member(300s);
  ASSERT_TRUE(planner->group()->set_jobs({{"a", "new"}, {"only here", "1"}}));
  ASSERT_TRUE(old->group()->set_jobs({{"a", "old"}}));
  ASSERT_TRUE(lacking->group()->set_jobs({}));
  for (const auto* job : {"a", "only here", "nowhere"}) plan(*planner, job);
  const auto due = RunState::due;
  EXPECT_EQ(lacking->next_wake({&due, 1}).value(), kNoon) << "nobody has the job: anybody may say so";
  EXPECT_EQ(claim(*lacking).size(), 1U);
  EXPECT_TRUE(claim(*old).empty());
  EXPECT_EQ(old->next_wake({&due, 1}).value(), std::nullopt);
  auto mine = claim(*planner);
  ASSERT_EQ(mine.size(), 2U);
  ASSERT_TRUE(planner->release(mine));

  const auto differences = planner->group()->job_differences().value();
  EXPECT_EQ(differences.size(), 6U) << "two jobs, three members";
  ASSERT_TRUE(planner->group()->set_jobs({{"a", "newest"}, {"only here", "1"}}));
  EXPECT_TRUE(claim(*old).empty()) << "who planned it so may be back any moment";
  EXPECT_EQ(old->claim({&due, 1}, kNoon + 1min, 10)->size(), 1U) << "nobody has it as it was planned any more";
}

// As while the only member that has the job is restarted.
TEST_F(ClaimableTest, ThatNobodyHasAJobIsNotSaidBeforeItsRunIsTooLate) {
  const auto lacking = member(300s);
  ASSERT_TRUE(lacking->group()->set_jobs({{"b", "1"}}));
  plan(*lacking, "a", RunState::due, kNoon + 10min);
  const auto due = RunState::due;
  EXPECT_EQ(lacking->next_wake({&due, 1}).value(), kNoon + 10min + 1ms);
  EXPECT_TRUE(lacking->claim({&due, 1}, kNoon + 10min, 10)->empty());
  EXPECT_EQ(lacking->claim({&due, 1}, kNoon + 10min + 1ms, 10)->size(), 1U);
}

TEST_F(ClaimableTest, WhoseClockIsFarOffLeavesTheWorkToOthers) {
  const auto ahead = member_ahead();
  auto right = member(300s);
  plan(*ahead, "by hand");
  plan(*right, "stored", RunState::stored);
  const auto claimed = ahead->claim(std::array{RunState::due}, kNoon, 10);
  ASSERT_FALSE(claimed);
  EXPECT_THAT(claimed.error().text(), HasSubstr("this machine's clock is far off the database's"));
  EXPECT_EQ(claimed.error().retry, Retry::no);
  const Cursor cursor{"by hand", kNoon, ""};
  EXPECT_FALSE(ahead->plan({&cursor, 1}, {}, kNoon));
  EXPECT_EQ(claim(*ahead, RunState::stored).size(), 1U) << "no clock is needed to deliver";
  right.reset();
  EXPECT_EQ(claim(*ahead).size(), 1U) << "there is nobody else";
  EXPECT_TRUE(ahead->plan({&cursor, 1}, {}, kNoon));
}

// Not only after the next renewal, half a minute of launches later.
TEST_F(ClaimableTest, AClockThatIsSetCountsAtOnce) {
  test::SetClock clock;
  const auto set = std::move(RunStore::open(database.location(), "runner", kNoon, 300s, clock)->store);
  const auto right = member(300s);
  plan(*right, "a");
  EXPECT_LT(std::chrono::abs(set->group()->clock_ahead()), 1s);
  const Cursor cursor{"a", kNoon, ""};
  for (const auto by : {7min, -7min}) {
    clock.set_by(by);
    EXPECT_GT(std::chrono::abs(set->group()->clock_ahead()), 6min);
    EXPECT_FALSE(set->plan({&cursor, 1}, {}, clock.now()));
    EXPECT_FALSE(set->claim(std::array{RunState::due}, clock.now(), 1));
  }
  clock.set_by(0s);
  EXPECT_TRUE(set->plan({&cursor, 1}, {}, clock.now()));
  EXPECT_EQ(claim(*set).size(), 1U);
}

// A rollout of configuration that is half done, while who planned a run is gone.
TEST_F(ClaimableTest, OnesOwnRunsAreSeenBehindThoseOfAnotherVersion) {
  auto planner = member(300s);
  const auto old = member(300s);
  ASSERT_TRUE(planner->group()->set_jobs({{"a", "new"}, {"b", "1"}}));
  ASSERT_TRUE(old->group()->set_jobs({{"a", "old"}, {"b", "1"}}));
  plan(*planner, "a", RunState::due, kNoon + 30s);
  const auto due = RunState::due;
  EXPECT_EQ(old->next_wake({&due, 1}).value(), std::nullopt) << "it is for another";
  planner.reset();
  database.query("DELETE FROM members WHERE has_left");
  EXPECT_EQ(old->next_wake({&due, 1}).value(), kNoon + 15s) << "half the time to its deadline";
  store::Run own;
  own.job = "b";
  own.nominal = kNoon + 5s;
  own.wake = kNoon + 5s;
  ASSERT_TRUE(old->add({&own, 1}));
  EXPECT_EQ(old->next_wake({&due, 1}).value(), kNoon + 5s);
  EXPECT_EQ(old->claim({&due, 1}, kNoon + 5s, 10)->size(), 1U);
  EXPECT_EQ(old->claim({&due, 1}, kNoon + 15s, 10)->size(), 1U);
}

TEST_F(ClaimableTest, AnotherVersionsRunIsSeenBehindOneOfNobodysJobThatHasMoreTime) {
  auto planner = member(300s);
  const auto old = member(300s);
  ASSERT_TRUE(planner->group()->set_jobs({{"a", "new"}}));
  ASSERT_TRUE(old->group()->set_jobs({{"a", "old"}}));
  plan(*planner, "nobody's", RunState::due, kNoon + 30min);
  store::Run run;
  run.job = "a";
  run.nominal = kNoon + 1min;
  run.wake = run.nominal;
  run.deadline = run.nominal + 30s;
  ASSERT_TRUE(planner->add({&run, 1}));
  planner.reset();
  database.query("DELETE FROM members WHERE has_left");
  const auto due = RunState::due;
  EXPECT_EQ(old->next_wake({&due, 1}).value(), kNoon + 1min + 15s);
  EXPECT_EQ(old->claim({&due, 1}, kNoon + 1min + 15s, 10)->size(), 1U);
}

// As after a failed try whose pause ends behind the deadline.
TEST_F(ClaimableTest, NothingIsSeenBeforeItsWakeEvenIfItsDeadlineIsEarlier) {
  const auto store = member(300s);
  ASSERT_TRUE(store->group()->set_jobs({{"a", "1"}}));
  store::Run run;
  run.job = "a";
  run.nominal = kNoon;
  run.wake = kNoon + 10s;
  run.deadline = kNoon + 5s;
  ASSERT_TRUE(store->add({&run, 1}));
  const auto due = RunState::due;
  ASSERT_TRUE(store->group()->set_jobs({{"a", "2"}}));
  EXPECT_EQ(store->next_wake({&due, 1}).value(), kNoon + 10s) << "of another version";
  ASSERT_TRUE(store->group()->set_jobs({}));
  EXPECT_EQ(store->next_wake({&due, 1}).value(), kNoon + 10s) << "nobody's";
}

TEST_F(ClaimableTest, WhatIsThereIsCountedByStateUpToALimit) {
  const auto store = member(300s);
  ASSERT_TRUE(store->group()->set_jobs({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}}));
  for (const auto* job : {"a", "b", "c"}) plan(*store, job);
  plan(*store, "d", RunState::posted);
  const std::array states{RunState::due, RunState::posted, RunState::stored};
  const auto found = store->claimable(states, 2).value();
  ASSERT_EQ(found.size(), 2U);
  for (const auto& runs : found) {
    EXPECT_EQ(runs.runs, runs.state == RunState::due ? 2 : 1);
    EXPECT_EQ(runs.earliest, kNoon);
  }
}

// As where an incomplete result is to be collected once more.
TEST_F(ClaimableTest, WhoseClockIsFarOffKeepsNobodyFromCollectingAgain) {
  clock_ahead.set_by(75s);
  const auto location = Location::parse(database.location().uri, "/ahead/state/runs.db").value();
  const auto ahead = std::move(RunStore::open(location, "runner", kNoon, 300s, clock_ahead)->store);
  const auto alone = [&](RunState state) {
    store::Run run;
    run.job = std::string(state_name(state));
    run.nominal = run.wake.emplace(kNoon);
    run.state = state;
    run.collected_by = ahead->group()->tree();
    run.result_file = "file";
    ASSERT_TRUE(ahead->add({&run, 1}));
  };
  alone(RunState::posted);
  alone(RunState::stored);
  const auto right = member(300s);
  EXPECT_EQ(claim(*right, RunState::posted).size(), 1U);
  EXPECT_TRUE(claim(*right, RunState::stored).empty()) << "its file lies there";
}

TEST_F(ClaimableTest, WhoseClockIsFarOffKeepsNobodyFromWhatOnlyItHas) {
  const auto ahead = member_ahead();
  const auto right = member(300s);
  ASSERT_TRUE(ahead->group()->set_jobs({{"a", "1"}}));
  ASSERT_TRUE(right->group()->set_jobs({{"b", "1"}}));
  plan(*right, "a", RunState::due, kNoon + 30s);
  const auto due = RunState::due;
  EXPECT_EQ(right->next_wake({&due, 1}).value(), kNoon + 30s + 1ms) << "as if nobody had it";
  int able = 0;
  const auto members = right->group()->members().value();
  for (const auto& each : members) {
    EXPECT_EQ(each.able, each.clock_ahead < 30s);
    able += each.able ? 1 : 0;
  }
  EXPECT_EQ(able, 1);
  EXPECT_EQ(right->claim({&due, 1}, kNoon + 31s, 10)->size(), 1U);
}

}  // namespace
}  // namespace mig_runner::store
