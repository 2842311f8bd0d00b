#include "store_contract.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "run_maker.h"

namespace mig_runner::store {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Timestamp kNoon = at("2026-11-23T12:00:00Z");

std::vector<std::string> names(const std::vector<store::Run>& runs) {
  std::vector<std::string> all;
  for (const auto& run : runs) all.push_back(run.name());
  return all;
}

std::vector<std::string> jobs(const std::vector<store::Run>& runs) {
  std::vector<std::string> all;
  for (const auto& run : runs) all.push_back(run.job);
  return all;
}

}  // namespace

Run StoreContract::claimed(const std::string& job, Timestamp nominal, RunState state) {
  planned(job, nominal, state, at("1990-01-01T00:00:00Z"));
  auto runs = claim({state}, at("1990-01-01T00:00:00Z"));
  EXPECT_THAT(names(runs), ElementsAre(job + "@" + format_utc(nominal)));
  return runs.front();
}

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
  EXPECT_THAT(store->plan({}, std::array{full, bare}).value(), ElementsAre(true, true));
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
  EXPECT_THAT(store->plan({}, std::array{again, other, other}).value(), ElementsAre(false, true, false));
  EXPECT_EQ(store->find("a", kNoon).value(), first);
  EXPECT_THAT(store->counts().value(), ElementsAre(std::pair(RunState::due, 2)));
}

TEST_P(StoreContract, CursorsMoveEitherWay) {
  const std::array both{Cursor{"a", kNoon}, Cursor{"b", kNoon}};
  ASSERT_TRUE(store->plan(both, {}));
  const Cursor back{"b", kNoon - hours(1)};
  ASSERT_TRUE(store->plan({&back, 1}, {}));
  planned("no cursor", kNoon);
  reopen();
  EXPECT_THAT(store->cursors().value(), ElementsAre(std::pair("a", kNoon), std::pair("b", kNoon - hours(1))));
}

TEST_P(StoreContract, ASchedulesRunIsNotInsertedWhileItsJobIsPaused) {
  ASSERT_EQ(store->pause("a", kNoon), true);
  const std::array cursors{Cursor{"a", kNoon}, Cursor{"b", kNoon}};
  std::array<store::Run, 2> runs;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].job = cursors[i].job;
    runs[i].nominal = kNoon;
  }
  EXPECT_THAT(store->plan(cursors, runs).value(), ElementsAre(false, true));
  EXPECT_EQ(store->find("a", kNoon).value(), std::nullopt);
  EXPECT_THAT(store->plan({}, {runs.data(), 1}).value(), ElementsAre(true)) << "by hand it goes";
}

TEST_P(StoreContract, OfTwoCursorsOfAJobTheLastCounts) {
  const std::array cursors{Cursor{"a", kNoon}, Cursor{"b", kNoon}, Cursor{"a", kNoon + hours(1)}};
  ASSERT_TRUE(store->plan(cursors, {}));
  EXPECT_THAT(store->cursors().value(), ElementsAre(std::pair("a", kNoon + hours(1)), std::pair("b", kNoon)));
}

TEST_P(StoreContract, PlansManyAtOnce) {
  std::vector<Cursor> cursors;
  std::vector<store::Run> runs;
  for (int i = 0; i < 1000; ++i) {
    store::Run run;
    run.job = "job-" + std::to_string(i);
    run.nominal = kNoon;
    run.wake = kNoon + milliseconds(i);
    cursors.push_back({run.job, kNoon});
    runs.push_back(run);
  }
  EXPECT_THAT(store->plan(cursors, runs).value(), testing::Each(true));
  EXPECT_EQ(store->cursors().value().size(), 1000U);
  EXPECT_EQ(claim({RunState::due}, kNoon + seconds(1), 10'000).size(), 1000U);
}

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

TEST_P(StoreContract, AClaimChangesNothingElse) {
  auto run = full_run();
  run.state = RunState::due;
  run.wake = kNoon;
  ASSERT_TRUE(store->plan({}, {&run, 1}));
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
  Documents documents{"document", "signature", "action"};
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
  keep(a, {"first document", "first", std::nullopt});
  keep(a, {"second document", "second", std::nullopt});
  keep(a, {std::nullopt, "first", "an action"});
  keep(a, {std::nullopt, std::nullopt, large});
  keep(b, {"document", "other", "another action"});
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
    ASSERT_TRUE(store->plan({}, {&run, 1}));
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

TEST_P(StoreContract, KnowsUnfinishedRunsOfAJob) {
  const auto is_unfinished = [&](RunState state, const std::string& result_file) {
    const auto job = std::string(state_name(state)) + result_file;
    store::Run run;
    run.job = job;
    run.nominal = kNoon;
    run.state = state;
    run.result_file = result_file;
    EXPECT_TRUE(store->plan({}, {&run, 1}));
    const auto number = store->find(job, kNoon).value()->number;
    EXPECT_FALSE(store->has_unfinished(job, number).value()) << "it is the one excepted";
    const auto unfinished = store->has_unfinished(job, number + 1'000'000).value();
    const auto uncollected = store->uncollected().value();
    const bool listed =
        std::any_of(uncollected.begin(), uncollected.end(), [&](const store::Run& one) { return one.job == job; });
    EXPECT_EQ(listed, unfinished && state != RunState::due) << job;
    return unfinished;
  };
  for (const auto state : {RunState::due, RunState::signed_, RunState::unknown, RunState::posted})
    EXPECT_TRUE(is_unfinished(state, "")) << state_name(state);
  EXPECT_FALSE(is_unfinished(RunState::posted, "file")) << "it is only collected again";
  for (auto state = RunState::stored; state <= RunState::undeliverable;
       state = static_cast<RunState>(static_cast<int>(state) + 1))
    EXPECT_FALSE(is_unfinished(state, "")) << state_name(state);
  EXPECT_FALSE(store->has_unfinished("none", 0).value());
}

TEST_P(StoreContract, KnowsWhenRunsWerePosted) {
  const auto post = [&](const std::string& job, std::optional<Timestamp> posted) {
    store::Run run;
    run.job = job;
    run.nominal = kNoon - hours(24 * 400);  // planned long before
    run.state = RunState::sent;
    run.posted_at = posted;
    ASSERT_TRUE(store->plan({}, {&run, 1}));
  };
  post("a", kNoon + seconds(2));
  post("b", kNoon);
  post("c", kNoon - milliseconds(1));
  post("d", std::nullopt);
  post("e", kNoon + seconds(1));
  EXPECT_THAT(store->posted_since(kNoon).value(), ElementsAre(kNoon, kNoon + seconds(1), kNoon + seconds(2)));
}

TEST_P(StoreContract, KnowsResultsThatNothingWaitsFor) {
  int hour = 0;
  const auto keep = [&](RunState state, std::optional<Timestamp> wake, const std::string& file,
                        const std::string& job = "a") {
    store::Run run;
    run.job = job;
    run.nominal = kNoon + hours(hour++);
    run.state = state;
    run.wake = wake;
    run.result_file = file;
    run.collected_by = store->tree();
    EXPECT_TRUE(store->plan({}, {&run, 1}));
    return store->find(job, run.nominal).value().value();
  };
  const auto delivered = keep(RunState::delivered, std::nullopt, "1");
  const auto kept = keep(RunState::stored, std::nullopt, "2");
  const auto to_deliver = keep(RunState::stored, kNoon, "3");
  keep(RunState::posted, kNoon, "4");
  keep(RunState::undeliverable, std::nullopt, "5");
  keep(RunState::delivered, std::nullopt, "");
  keep(RunState::delivered, std::nullopt, "6", "b");
  EXPECT_THAT(store->settled_results("a").value(), ElementsAre(kept, delivered));

  ASSERT_TRUE(store->forget_result(delivered.number));
  EXPECT_THAT(store->settled_results("a").value(), ElementsAre(kept));
  EXPECT_EQ(store->find("a", delivered.nominal).value()->result_file, "");
  for (const auto number : {delivered.number, to_deliver.number, delivered.number + 1'000'000}) {
    const auto refused = store->forget_result(number);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().retry, Retry::no);
  }
  EXPECT_EQ(store->find("a", to_deliver.nominal).value()->result_file, "3");
}

TEST_P(StoreContract, FindsRuns) {
  auto run = full_run();
  ASSERT_TRUE(store->plan({}, {&run, 1}));
  auto newer = run;
  newer.nominal += hours(1);
  ASSERT_TRUE(store->plan({}, {&newer, 1}));
  EXPECT_EQ(store->find(run.job, run.nominal + milliseconds(1)).value(), std::nullopt);
  EXPECT_EQ(store->find("Patch level.v2", run.nominal).value(), std::nullopt);
  EXPECT_EQ(store->find_action(run.action_id).value()->nominal, newer.nominal);
  planned("without action", kNoon);
  EXPECT_EQ(store->find_action(0).value(), std::nullopt);
}

TEST_P(StoreContract, ListsHistoryNewestFirst) {
  for (const int hour : {3, 1, 2})
    for (const auto* job : {"a", "b"}) planned(job, kNoon + hours(hour));
  EXPECT_THAT(names(store->history("a", 2).value()), ElementsAre("a@2026-11-23T15:00:00Z", "a@2026-11-23T14:00:00Z"));
  EXPECT_EQ(store->history("b", 100).value().size(), 3U);
  const auto all = store->history("", 5).value();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const store::Run& a, const store::Run& b) { return a.nominal > b.nominal; }));
  EXPECT_THAT(store->history("none", 5).value(), IsEmpty());
}

TEST_P(StoreContract, ListsTheLastRunOfEachJob) {
  for (const int hour : {3, 1, 2}) planned("a", kNoon + hours(hour));
  planned("b", kNoon);
  store->pause("never run", kNoon);
  EXPECT_THAT(names(store->last_runs().value()),
              UnorderedElementsAre("a@2026-11-23T15:00:00Z", "b@2026-11-23T12:00:00Z"));
}

TEST_P(StoreContract, ListsHistoryByState) {
  planned("a", kNoon, RunState::delivered, std::nullopt);
  planned("a", kNoon + hours(1), RunState::undeliverable, std::nullopt);
  planned("b", kNoon + hours(2), RunState::undeliverable, std::nullopt);
  planned("b", kNoon + hours(3), RunState::refused, std::nullopt);
  const auto list = [&](const std::string& job, std::vector<RunState> states, int limit = 10) {
    return names(store->history(job, limit, states).value());
  };
  EXPECT_THAT(list("", {RunState::undeliverable}), ElementsAre("b@2026-11-23T14:00:00Z", "a@2026-11-23T13:00:00Z"));
  EXPECT_THAT(list("", {RunState::undeliverable, RunState::refused}, 1), ElementsAre("b@2026-11-23T15:00:00Z"));
  EXPECT_THAT(list("a", {RunState::delivered}), ElementsAre("a@2026-11-23T12:00:00Z"));
}

TEST_P(StoreContract, ListsFailuresNewestFirst) {
  int hour = 0;
  for (const auto state : {RunState::refused, RunState::missed, RunState::skipped, RunState::invalid,
                           RunState::delivered, RunState::collect_failed, RunState::undeliverable, RunState::sent})
    planned("job", kNoon + hours(hour++), state, std::nullopt);
  EXPECT_THAT(names(store->failed_since(kNoon + hours(1), 10).value()),
              ElementsAre("job@2026-11-23T18:00:00Z", "job@2026-11-23T17:00:00Z", "job@2026-11-23T15:00:00Z",
                          "job@2026-11-23T13:00:00Z"));
  EXPECT_THAT(names(store->failed_since(kNoon, 1).value()), ElementsAre("job@2026-11-23T18:00:00Z"));
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

TEST_P(StoreContract, PausesLastUntilTheyAreEnded) {
  EXPECT_THAT(store->paused().value(), IsEmpty());
  EXPECT_EQ(store->pause("job", kNoon), true);
  EXPECT_EQ(store->pause("job", kNoon + hours(1)), false);
  const Cursor cursor{"other", kNoon};
  ASSERT_TRUE(store->plan({&cursor, 1}, {}));
  reopen();
  EXPECT_THAT(store->paused().value(), ElementsAre(std::pair("job", Pause{kNoon, 0})));
  EXPECT_EQ(store->resume("job", kNoon + hours(2)), true);
  EXPECT_EQ(store->resume("job", kNoon + hours(3)), false);
  EXPECT_EQ(store->resume("other", kNoon + hours(3)), false);
  EXPECT_THAT(store->paused().value(), IsEmpty());
  EXPECT_THAT(store->cursors().value(), ElementsAre(std::pair("job", kNoon + hours(2)), std::pair("other", kNoon)));
}

TEST_P(StoreContract, ResumingDoesNotTurnTheCursorBack) {
  const Cursor cursor{"job", kNoon + hours(5)};
  ASSERT_TRUE(store->plan({&cursor, 1}, {}));
  EXPECT_EQ(store->pause("job", kNoon), true);
  EXPECT_EQ(store->resume("job", kNoon), true);
  EXPECT_THAT(store->cursors().value(), ElementsAre(std::pair("job", kNoon + hours(5))));
}

TEST_P(StoreContract, KeepsAnyText) {
  const std::string odd("a\0b\xff\xc0\x80\xed\xa0\x80 '\"%:x", 15);
  const std::string kept = "a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD '\"%:x";
  auto run = claimed("job", kNoon);
  run.reason = odd;
  ASSERT_TRUE(record({RunState::due, run, {odd, odd, odd}, true}));
  EXPECT_EQ(store->find("job", kNoon).value()->reason, kept);
  EXPECT_THAT(store->signatures(run).value(), ElementsAre(kept));
  EXPECT_EQ(store->action(run).value(), kept);
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
  EXPECT_TRUE(store->plan({}, {&run, 1}));
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
  EXPECT_TRUE(store->plan({}, both));
  ASSERT_EQ(details.size(), 1U);
  EXPECT_EQ(details[0].earliest, kNoon + hours(1));
  EXPECT_EQ(details[0].runs, 2);
  take();

  store->on_change(nullptr);
  planned("c", kNoon, RunState::due, kNoon);
  EXPECT_THAT(take(), IsEmpty());
}

// A walk through all that can be done to runs; the tally must always be what counting would give.
TEST_P(StoreContract, CountsStayTrue) {
  std::mt19937 random(20261123);
  const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  const std::array<RunState, 13> states{
      RunState::due,       RunState::signed_,        RunState::unknown,      RunState::posted, RunState::stored,
      RunState::delivered, RunState::sent,           RunState::refused,      RunState::missed, RunState::skipped,
      RunState::invalid,   RunState::collect_failed, RunState::undeliverable};
  for (int i = 0; i < 300; ++i) {
    const auto state = states[static_cast<std::size_t>(pick(13))];
    store::Run run;
    run.job = "job-" + std::to_string(pick(5));
    run.nominal = kNoon + minutes(pick(20));
    run.state = state;
    run.wake = kNoon;
    ASSERT_TRUE(pick(3) == 0 ? store->adopt(run, "x").has_value() : store->plan({}, {&run, 1}).has_value());
    for (auto& taken : claim({states[static_cast<std::size_t>(pick(13))]}, kNoon, 2)) {
      const auto from = pick(4) == 0 ? RunState::due : taken.state;
      taken.state = states[static_cast<std::size_t>(pick(13))];
      const bool recorded = record({from, taken, {}, pick(5) == 0}).has_value();
      ASSERT_TRUE(recorded || store->release({&taken, 1}));
    }
    if (i % 50 == 49) reopen();
    std::map<RunState, std::int64_t> counted;
    for (const auto& found : std::vector(store->history("", 1000).value())) ++counted[found.state];
    ASSERT_EQ(store->counts().value(), counted) << "after " << i;
  }
}

}  // namespace mig_runner::store
