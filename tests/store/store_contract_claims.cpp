// Claims, and the changes made under them.

#include <gmock/gmock.h>

#include "store_contract.h"

namespace mig_runner::store {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(StoreContract, ClaimsTheEarliestWakeThenTheOldestNominalTime) {
  planned("late", kNoon - hours(9), RunState::due, kNoon - minutes(1));
  planned("newer", kNoon - hours(1), RunState::unknown, kNoon - minutes(2));
  planned("older", kNoon - hours(2), RunState::due, kNoon - minutes(2));
  planned("early", kNoon, RunState::signed_, kNoon - minutes(3));
  planned("now", kNoon, RunState::due, kNoon);
  planned("too soon", kNoon, RunState::due, kNoon + milliseconds(1));
  planned("no wake", kNoon, RunState::due, std::nullopt);
  planned("other state", kNoon, RunState::posted, kNoon - hours(1));
  EXPECT_THAT(jobs(claim({RunState::due, RunState::signed_, RunState::unknown}, kNoon, 2)),
              ElementsAre("early", "older"));
  EXPECT_THAT(jobs(claim({RunState::due, RunState::signed_, RunState::unknown}, kNoon)),
              ElementsAre("newer", "late", "now"));
  EXPECT_THAT(claim({RunState::due, RunState::signed_, RunState::unknown}, kNoon), IsEmpty());
  EXPECT_THAT(claim({}, kNoon), IsEmpty());
  EXPECT_THAT(claim({RunState::posted}, kNoon, 0), IsEmpty());
}

TEST_P(StoreContract, ALimitedClaimTakesTheEarliestOfEachState) {
  planned("late", kNoon - hours(2), RunState::posted, kNoon);
  planned("early", kNoon - hours(1), RunState::posted, kNoon - minutes(1));
  planned("same wake, newer", kNoon, RunState::posted, kNoon - minutes(1));
  for (const auto* job : {"early", "same wake, newer", "late"})
    EXPECT_THAT(jobs(claim({RunState::due, RunState::posted}, kNoon, 1)), ElementsAre(job));
}

TEST_P(StoreContract, JobsCanBeLeftOutOfAClaim) {
  planned("a", kNoon - hours(2), RunState::posted, kNoon - minutes(3));
  planned("it's", kNoon - hours(1), RunState::posted, kNoon - minutes(2));
  planned("c", kNoon, RunState::posted, kNoon - minutes(1));
  const std::array states{RunState::posted};
  const std::vector<std::string> none{"no such job"}, two{"it's", "a"}, all{"a", "it's", "c"};
  EXPECT_EQ(store->next_wake(states, none).value(), kNoon - minutes(3));
  EXPECT_EQ(store->next_wake(states, two).value(), kNoon - minutes(1));
  EXPECT_EQ(store->next_wake(states, all).value(), std::nullopt);
  EXPECT_THAT(jobs(store->claim(states, kNoon, 10, all).value()), IsEmpty());
  EXPECT_THAT(jobs(store->claim(states, kNoon, 10, two).value()), ElementsAre("c"));
  EXPECT_THAT(jobs(store->claim(states, kNoon, 10, none).value()), ElementsAre("a", "it's"));
}

TEST_P(StoreContract, AClaimChangesNothingElse) {
  auto run = full_run();
  run.state = RunState::due;
  run.wake = kNoon;
  ASSERT_TRUE(store->add({&run, 1}));
  const auto runs = claim({RunState::due}, kNoon);
  ASSERT_EQ(runs.size(), 1U);
  run.number = runs[0].number;
  EXPECT_EQ(runs[0], run);
  EXPECT_EQ(store->find(run.job, run.nominal).value(), run);
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::due, 1)));
}

TEST_P(StoreContract, NextWakeIsTheEarliestThatCanBeClaimed) {
  planned("a", kNoon, RunState::due, kNoon);
  planned("b", kNoon, RunState::unknown, kNoon + minutes(1));
  planned("c", kNoon, RunState::posted, kNoon - minutes(1));
  EXPECT_EQ(next_wake({RunState::due, RunState::unknown}), kNoon);
  EXPECT_EQ(next_wake({RunState::posted}), kNoon - minutes(1));
  EXPECT_EQ(next_wake({RunState::stored}), std::nullopt);
  EXPECT_EQ(next_wake({}), std::nullopt);
  claim({RunState::due}, kNoon);
  EXPECT_EQ(next_wake({RunState::due, RunState::unknown}), kNoon + minutes(1));
}

TEST_P(StoreContract, ReleaseGivesBackUnchanged) {
  const auto run = claimed("a", kNoon);
  auto changed = run;
  changed.wake = kNoon;
  changed.reason = "not to be kept";
  ASSERT_TRUE(store->release({&changed, 1}));
  EXPECT_THAT(claim({RunState::due}, kNoon), ElementsAre(run));
  const auto other = planned("b", kNoon);
  EXPECT_TRUE(store->release({&other, 1})) << "nobody had claimed it";
}

TEST_P(StoreContract, ReleaseAllGivesBackWhatTheOwnerHas) {
  const auto first = claimed("a", kNoon);
  const auto second = claimed("b", kNoon);
  ASSERT_TRUE(store->release_all());
  EXPECT_THAT(claim({RunState::due}, kNoon), ElementsAre(first, second));
}

// As where the answer to its first change was lost: others have had the run meanwhile, and have it again.
TEST_P(StoreContract, AChangeUnderAnEarlierClaimIsRefused) {
  auto first = claimed("a", kNoon);
  ASSERT_TRUE(store->release({&first, 1}));
  const auto again = claim({RunState::due}, kNoon);
  ASSERT_EQ(again.size(), 1U);
  const auto refused = store->record(std::array{Change{RunState::due, first, {}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::no);
  ASSERT_TRUE(store->release({&first, 1}));
  EXPECT_THAT(claim({RunState::due}, kNoon), IsEmpty()) << "nor can it give back what is not its own";
  EXPECT_TRUE(record({RunState::due, again[0], {}}));
}

TEST_P(StoreContract, ANewStartReleasesClaims) {
  const auto run = claimed("a", kNoon);
  reopen();
  EXPECT_THAT(claim({RunState::due}, kNoon), ElementsAre(run));
}

TEST_P(StoreContract, RecordWritesEveryFieldButTheRunsName) {
  const auto run = claimed("a", kNoon);
  auto changed = full_run();
  changed.number = run.number;
  changed.claim = run.claim;
  ASSERT_TRUE(record({RunState::due, changed, {}}));
  reopen();
  changed.job = "a";
  changed.nominal = kNoon;
  EXPECT_THAT(store->history("", 10).value(), ElementsAre(changed));
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::posted, 1)));
}

TEST_P(StoreContract, RecordEndsTheClaimUnlessItIsKept) {
  auto run = claimed("a", kNoon);
  run.state = RunState::signed_;
  run.wake = kNoon;
  ASSERT_TRUE(record({RunState::due, run, {}, true}));
  EXPECT_THAT(claim({RunState::signed_}, kNoon), IsEmpty());
  run.state = RunState::posted;
  ASSERT_TRUE(record({RunState::signed_, run, {}}));
  EXPECT_THAT(claim({RunState::posted}, kNoon), ElementsAre(run));
}

TEST_P(StoreContract, RecordRefusesWhatIsNotClaimedOrInAnotherState) {
  auto run = claimed("a", kNoon);
  run.state = RunState::refused;
  const auto expect_refused = [&](const Change& change, const std::string& why) {
    const auto refused = record(change);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().retry, Retry::no);
    EXPECT_THAT(refused.error().text(), testing::HasSubstr(why));
  };
  expect_refused({RunState::signed_, run, {}}, "a@2026-11-23T12:00:00Z: it is due by now, not signed");
  auto none = run;
  none.number += 1;
  expect_refused({RunState::due, none, {}}, "there is no such run");
  ASSERT_TRUE(record({RunState::due, run, {}}));
  expect_refused({RunState::due, run, {}}, "it is refused by now, not due");
  expect_refused({RunState::refused, run, {}}, "it is not claimed");
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::refused, 1)));
}

TEST_P(StoreContract, RecordsAllOrNone) {
  auto a = claimed("a", kNoon);
  auto b = claimed("b", kNoon);
  const auto before = store->history("", 10).value();
  a.state = b.state = RunState::posted;
  Documents documents{"signature", "action"};
  EXPECT_FALSE(store->record(std::array{Change{RunState::due, a, documents}, Change{RunState::signed_, b, documents}}));
  EXPECT_EQ(store->history("", 10).value(), before);
  EXPECT_THAT(store->signatures(a).value(), IsEmpty());
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::due, 2)));
  EXPECT_TRUE(store->record(std::array{Change{RunState::due, a, {}}, Change{RunState::due, b, {}}}));
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::posted, 2)));
}

TEST_P(StoreContract, KeepsDocumentsUntilTheyAreDropped) {
  const auto a = claimed("a", kNoon);
  const auto b = claimed("b", kNoon);
  const std::string large(1'000'000, 'x');
  const auto keep = [&](const store::Run& run, Documents documents) {
    Change change{RunState::due, run, std::move(documents), true};
    ASSERT_TRUE(record(change));
  };
  EXPECT_EQ(store->action(a).value(), std::nullopt);
  keep(a, {"first", std::nullopt});
  keep(a, {"second", std::nullopt});
  keep(a, {"first", "an action"});
  keep(a, {std::nullopt, large});
  keep(b, {"other", "another action"});
  reopen();
  EXPECT_THAT(store->signatures(a).value(), ElementsAre("first", "second", "first"));
  EXPECT_EQ(store->action(a).value(), large);

  const auto again = claim({RunState::due}, kNoon, 1).front();
  ASSERT_EQ(again, a);
  Change drop{RunState::due, again, {}};
  drop.drop_documents = true;
  ASSERT_TRUE(record(drop));
  EXPECT_THAT(store->signatures(a).value(), IsEmpty());
  EXPECT_EQ(store->action(a).value(), std::nullopt);
  EXPECT_THAT(store->signatures(b).value(), ElementsAre("other"));
  EXPECT_EQ(store->action(b).value(), "another action");
}

TEST_P(StoreContract, RepairsWhatNobodyWorksOn) {
  auto run = planned("job", kNoon, RunState::undeliverable, std::nullopt);
  run.state = RunState::stored;
  run.wake = kNoon;
  ASSERT_TRUE(store->repair({RunState::undeliverable, run, {}}));
  EXPECT_EQ(store->find("job", kNoon).value(), run);
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::stored, 1)));

  const auto gone = store->repair({RunState::undeliverable, run, {}});
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().retry, Retry::no);
  EXPECT_THAT(gone.error().what, testing::HasSubstr("it is stored by now, not undeliverable"));

  ASSERT_EQ(claim({RunState::stored}, kNoon).size(), 1U);
  run.attempts = 7;
  const auto busy = store->repair({RunState::stored, run, {}});
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().retry, Retry::later);
  EXPECT_EQ(store->find("job", kNoon).value().value().attempts, 0);
}

TEST_P(StoreContract, TellsTheListenerWhatCanBeClaimed) {
  std::vector<RunState> told;
  // It may use the store: it is called outside the mutex.
  std::vector<Claimable> details;
  store->on_change([&](const Claimable& woken) {
    EXPECT_TRUE(store->counts());
    told.push_back(woken.state);
    details.push_back(woken);
  });
  const auto take = [&] { return std::exchange(told, {}); };
  auto run = planned("a", kNoon, RunState::due, Timestamp{});
  EXPECT_THAT(take(), ElementsAre(RunState::due));
  EXPECT_TRUE(store->add({&run, 1}));
  planned("b", kNoon, RunState::missed, std::nullopt);
  EXPECT_THAT(take(), IsEmpty()) << "known, or nothing to do";
  run = claim({RunState::due}, kNoon).front();
  run.state = RunState::signed_;
  EXPECT_TRUE(record({RunState::due, run, {}, true}));
  EXPECT_FALSE(record({RunState::due, run, {}}));
  EXPECT_THAT(take(), IsEmpty()) << "still claimed, or refused";
  run.state = RunState::posted;
  run.attempts = 1;
  run.wake = kNoon + hours(2);
  EXPECT_TRUE(record({RunState::signed_, run, {}}));
  EXPECT_THAT(take(), ElementsAre(RunState::posted));
  EXPECT_TRUE(store->bring_forward(kNoon));
  EXPECT_THAT(take(), ElementsAre(RunState::posted));
  run = claim({RunState::posted}, kNoon).front();
  EXPECT_TRUE(store->release({&run, 1}));
  EXPECT_THAT(take(), ElementsAre(RunState::posted));
  auto adopted = full_run();
  EXPECT_TRUE(store->adopt(adopted, ""));
  EXPECT_TRUE(store->adopt(adopted, ""));
  EXPECT_THAT(take(), ElementsAre(RunState::posted));
  details.clear();
  std::vector<store::Run> both(2, run);
  both[0].job = "d";
  both[1].job = "e";
  both[0].state = both[1].state = RunState::due;
  both[0].wake = kNoon + hours(2);
  both[1].wake = kNoon + hours(1);
  EXPECT_TRUE(store->add(both));
  ASSERT_EQ(details.size(), 1U);
  EXPECT_EQ(details[0].earliest, kNoon + hours(1));
  EXPECT_EQ(details[0].runs, 2);
  take();

  store->on_change(nullptr);
  planned("c", kNoon, RunState::due, kNoon);
  EXPECT_THAT(take(), IsEmpty());
}

}  // namespace mig_runner::store
