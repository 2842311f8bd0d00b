#include "stages/job_shares.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using stages::JobShares;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> full(JobShares& shares) {
  return JobShares::Turn(shares, "").full();
}
void take(JobShares& shares, const std::string& job) {
  JobShares::Turn(shares, "").take(job);
}

TEST(JobShares, AJobHasAsManyThreadsAtMostAsItLeavesFree) {
  JobShares shares(4);
  take(shares, "a");
  EXPECT_THAT(full(shares), IsEmpty());
  take(shares, "a");
  EXPECT_THAT(full(shares), ElementsAre("a")) << "two are free, and it has two";
  take(shares, "b");
  EXPECT_THAT(full(shares), ElementsAre("a", "b"));
  take(shares, "c");
  EXPECT_THAT(full(shares), ElementsAre("a", "b", "c"));
}

TEST(JobShares, AThreadThatIsGivenBackIsThereAgain) {
  JobShares shares(4);
  take(shares, "a");
  take(shares, "a");
  EXPECT_THAT(JobShares::Turn(shares, "a").full(), IsEmpty());
  take(shares, "a");
  EXPECT_THAT(full(shares), ElementsAre("a"));
}

TEST(JobShares, OneThreadIsForAll) {
  JobShares shares(1);
  EXPECT_THAT(full(shares), IsEmpty());
  take(shares, "a");
  EXPECT_THAT(JobShares::Turn(shares, "a").full(), IsEmpty());
}

TEST(JobShares, JobsTakeTurns) {
  JobShares shares(1);
  take(shares, "a");
  EXPECT_THAT(JobShares::Turn(shares, "a").full_or_recent(), ElementsAre("a"));
  JobShares::Turn(shares, "").forget_recent();
  EXPECT_THAT(JobShares::Turn(shares, "").full_or_recent(), IsEmpty());
}

// One deliverer, and a job whose results all wait already.
struct Sharing : Stand {
  Sharing() {
    config::JobConfig config;
    config.plugin = "save";
    plugin("save", "cat > /dev/null; echo \"$MIG_RUNNER_JOB\" >> order");
    for (const std::string job : {"busy", "busy", "busy", "other"}) wait_for_delivery(job);
  }
  void wait_for_delivery(const std::string& job) {
    store::Run run;
    run.job = job;
    run.nominal = clock.now() + std::chrono::seconds(++made);
    run.state = store::RunState::stored;
    run.wake = clock.now();
    run.plugin = "save";
    run.result_file = "runners/" + job + "/results/" + std::to_string(made) + ".json";
    write_text(directory.path() / run.result_file, R"({"action":{},"commands":[],"name":"x"})");
    ASSERT_TRUE(store->add({&run, 1}));
  }
  int made = 0;
};

TEST(JobShares, ABacklogOfOneJobDoesNotKeepAnotherWaiting) {
  Sharing stand;
  JobShares shares(1);
  stages::Deliverer deliverer(stand.stages->context, stand.clock, {}, &shares);
  for (auto wake = deliverer.step(stand.clock.now()); wake && *wake <= stand.clock.now();)
    wake = deliverer.step(stand.clock.now());
  EXPECT_EQ(read_text(stand.directory.path() / "order"), "busy\nother\nbusy\nbusy\n");
}

TEST(JobShares, WhatMayBeLaunchedOfOneJobDoesNotKeepAnotherWaiting) {
  Stand stand;
  int made = 0;
  for (const std::string job : {"busy", "busy", "busy", "other"}) {
    store::Run run;
    run.job = job;
    run.nominal = stand.clock.now() + std::chrono::seconds(++made);
    run.state = store::RunState::unknown;
    run.wake = stand.clock.now();
    run.valid_from = stand.clock.now();
    run.expire_after = stand.clock.now() + std::chrono::hours(1);
    ASSERT_TRUE(stand.store->add({&run, 1}));
  }
  JobShares shares(1);
  stages::Reconciler reconciler(stand.stages->context, stand.client(), stand.clock, &shares);
  for (int i = 0; i < 2; ++i) reconciler.step(stand.clock.now());
  const auto looked_at = [](const store::Run& run) {
    return run.state != store::RunState::unknown || run.attempts > 0;
  };
  EXPECT_EQ(std::ranges::count_if(stand.history("busy"), looked_at), 1);
  EXPECT_EQ(std::ranges::count_if(stand.history("other"), looked_at), 1);
}

}  // namespace
}  // namespace mig_runner::test
