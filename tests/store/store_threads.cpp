#include <atomic>
#include <map>
#include <thread>

#include "run_maker.h"
#include "store_contract.h"

namespace mig_runner::store {
namespace {

constexpr int kThreads = 8;

template <class Work>
void on_many_threads(Work work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([work, i] { work(i); });
}

}  // namespace

// Runs go from due over posted to delivered while every thread takes what it gets: each run is launched once and
// delivered once.
TEST_P(StoreContract, ManyThreadsNeverHaveTheSameRun) {
  std::vector<store::Run> runs(400);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].job = "job-" + std::to_string(i);
    runs[i].nominal = kNoon;
    runs[i].wake = kNoon;
  }
  ASSERT_TRUE(store->add(runs));
  std::atomic<int> heard = 0;
  store->on_change([&](const Claimable&) { ++heard; });
  const std::map<RunState, RunState> next{{RunState::due, RunState::posted}, {RunState::posted, RunState::delivered}};
  std::atomic<int> steps = 0;
  std::atomic<int> faults = 0;
  on_many_threads([&](int thread) {
    constexpr std::array kStates{RunState::due, RunState::posted};
    while (steps < 800) {
      const auto taken = store->claim(kStates, kNoon, 1 + thread % 3);
      if (!taken) ++faults;
      for (auto run : taken.value_or(std::vector<store::Run>())) {
        const auto from = run.state;
        run.state = next.at(from);
        if (run.state == RunState::delivered) run.wake.reset();
        const Change change{from, run, {std::to_string(thread), std::nullopt}};
        if (!store->record({&change, 1})) ++faults;
        ++steps;
      }
      if (!store->next_wake(kStates) || !store->counts() || !store->overlaps(store::Run{})) ++faults;
    }
  });
  EXPECT_EQ(steps, 800);
  EXPECT_EQ(faults, 0);
  EXPECT_EQ(heard, 400);
  EXPECT_EQ(store->counts().value(), (std::map<RunState, std::int64_t>{{RunState::delivered, 400}}));
  for (const auto& run : std::vector(store->history("", 1000).value()))
    EXPECT_EQ(store->signatures(run).value().size(), 2U);
}

TEST_P(StoreContract, ManyThreadsPlanEachNominalTimeOnce) {
  std::atomic<int> fresh = 0;
  on_many_threads([&](int) {
    for (int i = 0; i < 50; ++i) {
      store::Run run;
      run.job = "job";
      run.nominal = kNoon + std::chrono::seconds(i);
      const Cursor cursor{"job", run.nominal, ""};
      const auto planned = store->plan({&cursor, 1}, {&run, 1}, run.nominal);
      if (planned && planned->front()) ++fresh;
    }
  });
  EXPECT_EQ(fresh, 50);
  EXPECT_EQ(store->counts().value().at(RunState::due), 50);
}

// The listener is replaced when the configuration is read again, while stages are still at work.
TEST_P(StoreContract, TheListenerMayChangeAtAnyTime) {
  std::atomic<int> heard = 0;
  on_many_threads([&](int thread) {
    for (int i = 0; i < 30; ++i) {
      if (thread == 0) {
        store->on_change([&](const Claimable&) { ++heard; });
        store->on_change(nullptr);
        continue;
      }
      store::Run run;
      run.job = std::to_string(thread);
      run.nominal = kNoon + std::chrono::seconds(i);
      run.wake = kNoon;
      EXPECT_TRUE(store->add({&run, 1}));
    }
  });
  EXPECT_EQ(store->counts().value().at(RunState::due), 30 * (kThreads - 1)) << heard << " were heard of";
}

}  // namespace mig_runner::store
