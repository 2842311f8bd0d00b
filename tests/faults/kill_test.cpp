// The real programs: a runner that is killed at random moments while the API answers with faults. Afterwards every
// nominal time has one action at most, every action its whole result, every result a delivery, and no temporary file
// stays. MIG_SOAK_SECONDS makes it run longer (make soak); the counts are printed.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "e2e/world.h"
#include "store/run_store.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

const std::vector<std::string> kFaults{
    "500:rate=0.05",          "401:rate=0.03",          "latency:rate=0.1,delay=200ms", "reset-before:rate=0.05",
    "reset-inside:rate=0.05", "reset-after:rate=0.05",  "answer-lost:rate=0.1",         "cut-json:rate=0.05",
    "broken-json:rate=0.05",  "unstable-pages:rate=0.5"};
constexpr int kJobs = 4;

std::chrono::seconds soak_time() {
  const char* text = std::getenv("MIG_SOAK_SECONDS");
  return std::chrono::seconds(text != nullptr ? std::stol(text) : 25);
}

struct Counts {
  int kills = 0, actions = 0, results = 0, deliveries = 0;
};

std::vector<std::string> fault_arguments() {
  std::vector<std::string> arguments{"--agents", "30"};
  for (const auto& fault : kFaults) {
    arguments.emplace_back("--fault");
    arguments.push_back(fault);
  }
  return arguments;
}

void kill_again_and_again(World& world, std::chrono::seconds how_long, Counts& counts) {
  std::mt19937 random(20261123);
  std::uniform_int_distribution<int> life(50, 2500);
  const auto end = steady_clock::now() + how_long;
  while (steady_clock::now() < end) {
    world.start_runner();
    std::this_thread::sleep_for(std::chrono::milliseconds(life(random)));
    world.kill_runner();
    ++counts.kills;
  }
}

std::int64_t unfinished(const World& world) {
  const auto store = store::RunStore::open_beside(world.path("tree/state/runs.db"), "test").value();
  std::int64_t runs = 0;
  const auto counts = store->counts().value();
  for (const auto& [state, count] : counts) {
    using enum store::RunState;
    if (state == due || state == signed_ || state == unknown || state == posted || state == stored) runs += count;
  }
  return runs;
}

// Each accepted action belongs to a run of its own: two for one nominal time would leave one without.
void check_posts(const World& world, Counts& counts) {
  const auto store = store::RunStore::open_beside(world.path("tree/state/runs.db"), "test").value();
  std::set<std::string> runs;
  for (const auto& post : world.posts()) {
    ++counts.actions;
    const auto run = store->find_action(post.at("id").get<std::int64_t>()).value();
    ASSERT_TRUE(run.has_value()) << "no run knows of " << post;
    EXPECT_TRUE(runs.insert(run->name()).second) << "posted twice: " << run->name();
    EXPECT_EQ(run->state, store::RunState::delivered) << run->name() << ": " << run->reason;
  }
}

void check_results(const World& world, Counts& counts) {
  std::set<std::int64_t> collected;
  for (int i = 0; i < kJobs; ++i) {
    for (const auto& document : world.results("job-" + std::to_string(i))) {
      const auto id = document.at("action").at("id").get<std::int64_t>();
      EXPECT_TRUE(collected.insert(id).second) << id;
      std::set<std::int64_t> commands;
      for (const auto& command : document.at("commands")) {
        EXPECT_EQ(command.at("action").at("id"), id);
        EXPECT_TRUE(commands.insert(command.at("id").get<std::int64_t>()).second) << "twice in " << id;
      }
      EXPECT_GE(commands.size(), 2U) << id;
      ++counts.results;
      const auto delivered = world.path("tree/delivered-" + std::to_string(id));
      EXPECT_TRUE(std::filesystem::exists(delivered)) << delivered;
      if (std::filesystem::exists(delivered)) ++counts.deliveries;
    }
  }
  for (const auto& post : world.posts())
    EXPECT_TRUE(collected.contains(post.at("id").get<std::int64_t>())) << "no result of " << post;
}

void check_no_temporary_files(const World& world) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.path("tree")))
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
}

TEST(Kill, AtRandomMomentsWhileTheApiFails) {
  World world;
  world.start_sandbox(fault_arguments());
  world.plugin("save", "cat > part-$$ && mv part-$$ delivered-$MIG_RUNNER_ACTION_ID");
  for (int i = 0; i < kJobs; ++i)
    world.job("job-" + std::to_string(i), "schedule = \"*/2 * * * * * *\"\nexpiry = 2s\nplugin = save\n");
  Counts counts;
  kill_again_and_again(world, soak_time(), counts);

  // No more launches, and a last life without faults to bring everything home.
  for (int i = 0; i < kJobs; ++i)
    world.job("job-" + std::to_string(i),
              "schedule = \"*/2 * * * * * *\"\nexpiry = 2s\nplugin = save\nenabled = false\n");
  world.clear_faults();
  world.start_runner();
  const auto all_home = [&, posts = world.posts()] {
    return std::all_of(posts.begin(), posts.end(), [&](const auto& post) {
      return std::filesystem::exists(
          world.path("tree/delivered-" + std::to_string(post.at("id").template get<long>())));
    });
  };
  // After many failures the next try is minutes away.
  EXPECT_TRUE(eventually(all_home, std::clamp<std::chrono::milliseconds>(soak_time(), 80s, 8min))) << world.log();
  EXPECT_TRUE(eventually([&] { return unfinished(world) == 0; }, 60s)) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  check_posts(world, counts);
  check_results(world, counts);
  check_no_temporary_files(world);
  EXPECT_GT(counts.kills, 5);
  EXPECT_GT(counts.actions, 10);
  if (testing::Test::HasFailure()) std::cerr << world.log();
  std::cout << counts.kills << " kills, " << counts.actions << " actions, " << counts.results << " results, "
            << counts.deliveries << " delivered\n";
}

}  // namespace
}  // namespace mig_runner::test
