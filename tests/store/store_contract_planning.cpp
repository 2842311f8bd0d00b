// What is planned, adopted and paused.

#include <gmock/gmock.h>

#include "store_contract.h"

namespace mig_runner::store {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(StoreContract, BeginsEmpty) {
  EXPECT_THAT(store->history("", 10).value(), IsEmpty());
  EXPECT_THAT(store->counts().value(), IsEmpty());
  EXPECT_THAT(store->cursors().value(), IsEmpty());
  EXPECT_THAT(store->posted_since(Timestamp{}).value(), IsEmpty());
  EXPECT_THAT(claim({RunState::due}, kNoon), IsEmpty());
  EXPECT_EQ(next_wake({RunState::due, RunState::posted}), std::nullopt);
  EXPECT_EQ(store->find("job", kNoon).value(), std::nullopt);
  EXPECT_EQ(store->find_action(7).value(), std::nullopt);
}

TEST_P(StoreContract, PlanKeepsEveryField) {
  auto full = full_run();
  store::Run bare;
  bare.job = "bare";
  bare.nominal = kNoon;
  EXPECT_THAT(store->add(std::array{full, bare}).value(), ElementsAre(true, true));
  reopen();
  auto found = store->find(full.job, full.nominal).value().value();
  full.number = found.number;
  EXPECT_EQ(found, full);
  found = store->find("bare", kNoon).value().value();
  bare.number = found.number;
  EXPECT_EQ(found, bare);
  EXPECT_NE(full.number, bare.number);
}

TEST_P(StoreContract, ANominalTimeIsPlannedOnce) {
  const auto first = claimed("a", kNoon);
  auto again = first;
  again.state = RunState::missed;
  store::Run other = first;
  other.job = "b";
  EXPECT_THAT(store->add(std::array{again, other, other}).value(), ElementsAre(false, true, false));
  EXPECT_EQ(store->find("a", kNoon).value(), first);
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::due, 2)));
}

TEST_P(StoreContract, CursorsMoveEitherWay) {
  const std::array both{Cursor{"a", kNoon, ""}, Cursor{"b", kNoon, ""}};
  ASSERT_TRUE(store->plan(both, {}, kNoon));
  const Cursor back{"b", kNoon - hours(1), ""};
  ASSERT_TRUE(store->plan({&back, 1}, {}, kNoon));
  planned("no cursor", kNoon);
  reopen();
  EXPECT_THAT(store->cursors().value(), ElementsAre(Cursor{"a", kNoon, ""}, Cursor{"b", kNoon - hours(1), ""}));
}

TEST_P(StoreContract, ACursorRemembersItsTimetable) {
  const std::array both{Cursor{"a", kNoon, "* * * * * UTC"}, Cursor{"b", kNoon, "off"}};
  ASSERT_TRUE(store->plan(both, {}, kNoon));
  reopen();
  EXPECT_THAT(store->cursors().value(), ElementsAre(both[0], both[1]));
  const Cursor changed{"a", kNoon - hours(1), "0 8 * * * UTC"};
  ASSERT_TRUE(store->plan({&changed, 1}, {}, kNoon));
  EXPECT_EQ(store->cursor("a").value(), changed);
  EXPECT_EQ(store->cursor("c").value(), std::nullopt);
}

TEST_P(StoreContract, TheCursorOfARemovedJobIsForgotten) {
  std::vector<Cursor> cursors;
  std::vector<std::string> removed;
  for (int i = 0; i < 450; ++i) cursors.push_back({"job-" + std::to_string(i), kNoon, "off"});
  for (int i = 0; i < 449; ++i) removed.push_back(cursors[static_cast<std::size_t>(i)].job);
  removed.emplace_back("unknown");
  ASSERT_TRUE(store->plan(cursors, {}, kNoon));
  ASSERT_EQ(store->pause("job-1", kNoon), true);
  ASSERT_TRUE(store->forget_cursors(removed));
  EXPECT_THAT(store->cursors().value(), ElementsAre(cursors.back()));
  EXPECT_EQ(store->cursor("job-1").value(), std::nullopt);
  EXPECT_TRUE(store->paused().value().contains("job-1"));
  ASSERT_TRUE(store->plan({cursors.data(), 1}, {}, kNoon));
  EXPECT_EQ(store->cursor("job-0").value(), cursors[0]) << "it came back";
}

TEST_P(StoreContract, ASchedulesRunIsNotInsertedWhileItsJobIsPaused) {
  ASSERT_EQ(store->pause("a", kNoon), true);
  const std::array cursors{Cursor{"a", kNoon, ""}, Cursor{"b", kNoon, ""}};
  std::array<store::Run, 2> runs;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].job = cursors[i].job;
    runs[i].nominal = kNoon;
  }
  EXPECT_THAT(store->plan(cursors, runs, kNoon).value(), ElementsAre(false, true));
  EXPECT_EQ(store->find("a", kNoon).value(), std::nullopt);
  EXPECT_THAT(store->add({runs.data(), 1}).value(), ElementsAre(true)) << "by hand it goes";
}

// As by a runner that was stopped over both.
TEST_P(StoreContract, WhatMetAPauseIsNotInsertedAfterItEither) {
  ASSERT_EQ(store->pause("a", kNoon - hours(1)), true);
  ASSERT_EQ(store->resume("a", kNoon), true);
  const auto planned_at = [&](Timestamp nominal, Timestamp now) -> bool {
    const Cursor cursor{"a", nominal, ""};
    store::Run run;
    run.job = "a";
    run.nominal = nominal;
    return store->plan({&cursor, 1}, {&run, 1}, now).value().at(0);
  };
  EXPECT_TRUE(planned_at(kNoon - hours(1) - milliseconds(1), kNoon)) << "missed before";
  EXPECT_FALSE(planned_at(kNoon - hours(1), kNoon));
  EXPECT_FALSE(planned_at(kNoon - minutes(30), kNoon));
  EXPECT_FALSE(planned_at(kNoon, kNoon + hours(1)));
  EXPECT_TRUE(planned_at(kNoon + milliseconds(1), kNoon + hours(1)));
  EXPECT_EQ(store->pause("a", kNoon + hours(2)), true);
  EXPECT_FALSE(planned_at(kNoon + hours(4), kNoon + hours(4)));
  ASSERT_EQ(store->resume("a", kNoon + hours(3)), true);
  EXPECT_FALSE(planned_at(kNoon - minutes(10), kNoon + hours(4))) << "nor what met the one before";
  const std::pair<const std::string, FinishedPause> first{"a", {kNoon - hours(1), kNoon}};
  const std::pair<const std::string, FinishedPause> second{"a", {kNoon + hours(2), kNoon + hours(3)}};
  EXPECT_THAT(store->finished_pauses(kNoon).value(), ElementsAre(first, second));
  EXPECT_THAT(store->finished_pauses(kNoon + milliseconds(1)).value(), ElementsAre(second));
  EXPECT_EQ(store->pause("a", kNoon + hours(4)), true);
  ASSERT_EQ(store->resume("a", at("2099-01-01T00:00:00Z")), true);
  EXPECT_TRUE(planned_at(kNoon + hours(4), kNoon + hours(4))) << "by a clock that was wrong";
}

TEST_P(StoreContract, OfTwoCursorsOfAJobTheLastCounts) {
  const std::array cursors{Cursor{"a", kNoon, ""}, Cursor{"b", kNoon, ""}, Cursor{"a", kNoon + hours(1), ""}};
  ASSERT_TRUE(store->plan(cursors, {}, kNoon));
  EXPECT_THAT(store->cursors().value(), ElementsAre(Cursor{"a", kNoon + hours(1), ""}, Cursor{"b", kNoon, ""}));
}

TEST_P(StoreContract, PlansManyAtOnce) {
  std::vector<Cursor> cursors;
  std::vector<store::Run> runs;
  for (int i = 0; i < 1000; ++i) {
    store::Run run;
    run.job = "job-" + std::to_string(i);
    run.nominal = kNoon;
    run.wake = kNoon + milliseconds(i);
    cursors.push_back({run.job, kNoon, ""});
    runs.push_back(run);
  }
  EXPECT_THAT(store->plan(cursors, runs, kNoon).value(), testing::Each(true));
  EXPECT_EQ(store->cursors().value().size(), 1000U);
  EXPECT_EQ(claim({RunState::due}, kNoon + seconds(1), 10'000).size(), 1000U);
}

TEST_P(StoreContract, AdoptsOnce) {
  auto run = full_run();
  EXPECT_EQ(store->adopt(run, "its action").value(), true);
  EXPECT_EQ(store->adopt(run, "another").value(), false);
  const auto found = store->find_action(run.action_id).value().value();
  run.number = found.number;
  EXPECT_EQ(found, run);
  EXPECT_EQ(store->action(found).value(), "its action");
  EXPECT_THAT(store->cursors().value(), IsEmpty());
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::posted, 1)));
  auto next = run;
  next.nominal += hours(1);
  EXPECT_EQ(store->adopt(next, "of the next").value(), true);
  EXPECT_EQ(store->action(store->find(next.job, next.nominal).value().value()).value(), "of the next");
}

TEST_P(StoreContract, BringsForwardWhatWaitsLongerThanAnyPause) {
  const auto plan = [&](const std::string& job, int attempts, milliseconds wait) {
    store::Run run;
    run.job = job;
    run.attempts = attempts;
    run.nominal = kNoon;
    run.wake = kNoon + wait;
    ASSERT_TRUE(store->add({&run, 1}));
  };
  plan("stuck", 1, hours(24 * 365));
  plan("pausing", 1, minutes(38));
  plan("scheduled", 0, hours(24 * 365));
  ASSERT_TRUE(store->bring_forward(kNoon));
  EXPECT_THAT(jobs(claim({RunState::due}, kNoon)), ElementsAre("stuck"));
  EXPECT_EQ(next_wake({RunState::due}), kNoon + minutes(38));
}

TEST_P(StoreContract, BringsForwardNothingThatIsClaimed) {
  auto run = claimed("a", kNoon);
  run.attempts = 1;
  run.wake = kNoon + hours(24);
  ASSERT_TRUE(record({RunState::due, run, {}, true}));
  ASSERT_TRUE(store->bring_forward(kNoon));
  EXPECT_EQ(store->find("a", kNoon).value(), run);
}

TEST_P(StoreContract, PausesLastUntilTheyAreEnded) {
  EXPECT_THAT(store->paused().value(), IsEmpty());
  EXPECT_EQ(store->pause("job", kNoon), true);
  EXPECT_EQ(store->pause("job", kNoon + hours(1)), false);
  const Cursor cursor{"other", kNoon, ""};
  ASSERT_TRUE(store->plan({&cursor, 1}, {}, kNoon));
  reopen();
  EXPECT_THAT(store->paused().value(), ElementsAre(std::pair("job", Pause{kNoon, 0})));
  EXPECT_EQ(store->resume("job", kNoon + hours(2)), true);
  EXPECT_EQ(store->resume("job", kNoon + hours(3)), false);
  EXPECT_EQ(store->resume("other", kNoon + hours(3)), false);
  EXPECT_THAT(store->paused().value(), IsEmpty());
  EXPECT_THAT(store->cursors().value(), ElementsAre(Cursor{"other", kNoon, ""}));
}

TEST_P(StoreContract, KeepsAnyText) {
  const std::string odd("a\0b\xff\xc0\x80\xed\xa0\x80 '\"%:x", 15);
  const std::string kept = "a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD '\"%:x";
  auto run = claimed("job", kNoon);
  run.reason = odd;
  ASSERT_TRUE(record({RunState::due, run, {odd, odd}, true}));
  EXPECT_EQ(store->find("job", kNoon).value()->reason, kept);
  EXPECT_THAT(store->signatures(run).value(), ElementsAre(kept));
  EXPECT_EQ(store->action(run).value(), kept);
}

}  // namespace mig_runner::store
