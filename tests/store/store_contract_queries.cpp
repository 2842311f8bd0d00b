// What is read of runs.

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "store_contract.h"

namespace mig_runner::store {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_P(StoreContract, KnowsUnfinishedRunsOfAJob) {
  const auto is_unfinished = [&](RunState state, const std::string& result_file) {
    const auto job = std::string(state_name(state)) + result_file;
    store::Run run;
    run.job = job;
    run.nominal = kNoon;
    run.state = state;
    run.result_file = result_file;
    EXPECT_TRUE(store->add({&run, 1}));
    auto other = store->find(job, kNoon).value().value();
    EXPECT_FALSE(store->overlaps(other).value()) << "not with itself";
    ++other.number;
    other.nominal += std::chrono::milliseconds(1);
    const auto unfinished = store->overlaps(other).value();
    other.nominal -= std::chrono::milliseconds(2);
    EXPECT_EQ(store->overlaps(other).value(), unfinished && state != RunState::due) << "one that is due gives way";
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
  store::Run none;
  none.job = "none";
  EXPECT_FALSE(store->overlaps(none).value());
}

TEST_P(StoreContract, KnowsWhenRunsWerePosted) {
  const auto post = [&](const std::string& job, std::optional<Timestamp> posted) {
    store::Run run;
    run.job = job;
    run.nominal = kNoon - hours(24 * 400);  // planned long before
    run.state = RunState::sent;
    run.posted_at = posted;
    run.launched_by = tree_of(store->group());
    ASSERT_TRUE(store->add({&run, 1}));
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
    run.collected_by = tree_of(store->group());
    EXPECT_TRUE(store->add({&run, 1}));
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
  ASSERT_TRUE(store->add({&run, 1}));
  auto newer = run;
  newer.nominal += hours(1);
  ASSERT_TRUE(store->add({&newer, 1}));
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
    ASSERT_TRUE(pick(3) == 0 ? store->adopt(run, "x").has_value() : store->add({&run, 1}).has_value());
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
