// Three real runners on one PostgreSQL that are killed, stopped for longer than a lease, and cut off from the database
// and the API, while the database restarts and the API answers with faults. Every nominal time has one action; every
// action has its whole result, in the tree that the record names, and a delivery. MIG_SOAK_SECONDS makes it run longer
// (make soak); the counts are printed.

#include "e2e/group.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "store/run_store.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int kMembers = 3;
const std::vector<std::string> kFaults{"500:rate=0.05",          "latency:rate=0.1,delay=200ms",
                                       "reset-before:rate=0.05", "reset-inside:rate=0.05",
                                       "reset-after:rate=0.05",  "answer-lost:rate=0.1"};

std::vector<std::string> sandbox_arguments() {
  std::vector<std::string> arguments{"--agents", "20"};
  for (const auto& fault : kFaults) {
    arguments.emplace_back("--fault");
    arguments.push_back(fault);
  }
  return arguments;
}

struct ThreeRunners : Group {
  ThreeRunners() : Group(kMembers, "2s", sandbox_arguments()) {
    fs::create_directories(world.path("delivered"));
    const auto delivered = world.path("delivered").string();
    plugin("save",
           "cat > " + delivered + "/.part-$$ && mv " + delivered + "/.part-$$ " + delivered + "/$MIG_RUNNER_ACTION_ID");
    records = store::RunStore::open_beside(store::Location::parse(uri(), "").value(), "test").value();
  }
  // One launch a second, each of another job: a launch is tried until the job's next time, and each of the faults may
  // cost it a quarter of a minute.
  void set_jobs(bool enabled) const {
    for (int i = 0; i < 300; ++i)
      job("second-" + std::to_string(i), "schedule = \"" + std::to_string(i % 60) + " " + std::to_string(i / 60) +
                                             "-59/5 * * * * *\"\nexpiry = 2s\nplugin = save\n" +
                                             (enabled ? "" : "enabled = false\n"));
  }
  // Until `end` all nominal times have come to their end.
  bool all_home(Timestamp end) const {
    const auto runs = records->history("", 1'000'000);
    if (!runs) return false;
    for (const auto& run : *runs)
      if (run.nominal <= end && (run.state < store::RunState::stored || run.wake)) return false;
    return true;
  }
  std::unique_ptr<store::RunStore> records;
};

struct Counts {
  int kills = 0, stops = 0, store_cuts = 0, store_silences = 0, api_cuts = 0, api_silences = 0, restarts = 0;
  int times = 0, actions = 0;
};

std::chrono::seconds soak_time() {
  const char* text = std::getenv("MIG_SOAK_SECONDS");
  return std::chrono::seconds(text != nullptr ? std::max(std::stol(text), 260L) : 20);
}

class Disturbance {
 public:
  explicit Disturbance(ThreeRunners& group) : group_(group) {}

  // One member at a time is dead, stopped or cut off, so that work goes on.
  void go_on(std::chrono::seconds how_long) {
    const auto end = steady_clock::now() + how_long;
    while (steady_clock::now() < end) {
      pause(300, 1500);
      disturb(pick(kMembers), pick(20));
    }
  }
  Counts counts;

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  void pause(int least, int more) { std::this_thread::sleep_for(milliseconds(least + pick(more))); }

  void disturb(int victim, int deed) {
    if (deed < 6) {
      group_.kill(victim);
      ++counts.kills;
      pause(0, 4000);
      group_.start(victim);
    } else if (deed < 10) {
      group_.process(victim).signal(SIGSTOP);
      ++counts.stops;
      pause(2500, 3000);
      group_.process(victim).signal(SIGCONT);
    } else if (deed < 12) {
      group_.store(victim).cut();
      ++counts.store_cuts;
    } else if (deed < 15) {
      silence(group_.store(victim), counts.store_silences);
    } else if (deed < 17) {
      group_.api(victim).cut();
      ++counts.api_cuts;
    } else if (deed < 19) {
      silence(group_.api(victim), counts.api_silences);
    } else {
      group_.server.stop(pick(2) == 0);
      pause(0, 1500);
      group_.server.start();
      ++counts.restarts;
    }
  }
  void silence(TcpProxy& proxy, int& count) {
    proxy.silence();
    ++count;
    pause(500, 5000);
    proxy.restore();
  }

  ThreeRunners& group_;
  std::mt19937 random_{20261123};
};

void check_run(const ThreeRunners& group, const store::Run& run, const std::map<std::int64_t, int>& posts) {
  EXPECT_EQ(store::state_name(run.state), "delivered") << run.name() << ": " << run.reason;
  EXPECT_TRUE(posts.contains(run.action_id)) << run.name();
  EXPECT_TRUE(run.complete) << run.name();
  EXPECT_TRUE(fs::exists(group.world.path("delivered/" + std::to_string(run.action_id)))) << run.name();
  const auto directory = run.collected_by.substr(run.collected_by.find(':') + 1);
  EXPECT_TRUE(fs::exists(fs::path(directory) / run.result_file)) << run.name() << ": " << run.result_file;
  for (const auto& deed : {run.launched_by, run.delivered_by}) EXPECT_NE(deed, "") << run.name();
}

// Every second from the first nominal time on has one run, and every run one action.
void check_times(const ThreeRunners& group, Timestamp end, Counts& counts) {
  std::map<std::string, int> by_name;
  std::map<std::int64_t, int> posts;
  for (const auto& post : group.world.posts()) {
    const auto id = post.at("id").get<std::int64_t>();
    const auto run = group.records->find_action(id).value();
    ASSERT_TRUE(run.has_value()) << "no run knows of " << post;
    EXPECT_EQ(++by_name[run->name()], 1) << "posted twice";
    ++posts[id];
    ++counts.actions;
  }
  auto runs = group.records->history("", 1'000'000).value();
  std::erase_if(runs, [&](const store::Run& run) { return run.nominal > end; });
  ASSERT_FALSE(runs.empty());
  for (std::size_t i = 1; i < runs.size(); ++i)
    EXPECT_EQ(runs[i].nominal + 1s, runs[i - 1].nominal) << "newest first, none left out";
  for (const auto& run : runs) check_run(group, run, posts);
  counts.times = static_cast<int>(runs.size());
}

void check_leftovers(const ThreeRunners& group) {
  for (int i = 0; i < kMembers; ++i) {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(group.tree(i), none)) {
      EXPECT_EQ(entry.path().filename().string().find(".tmp-"), std::string::npos) << entry.path();
      if (entry.path().parent_path().filename() == "collected") ADD_FAILURE() << entry.path();
    }
  }
}

TEST(Group, ThreeRunnersLaunchEachTimeOnceWhateverBefallsThem) {
  ThreeRunners group;
  group.set_jobs(true);
  for (int i = 0; i < kMembers; ++i) group.start(i);
  Disturbance disturbance(group);
  disturbance.go_on(soak_time());
  const auto end = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  group.world.clear_faults();
  EXPECT_TRUE(eventually([&] { return group.all_home(end); }, 300s));
  group.set_jobs(false);
  EXPECT_TRUE(eventually([&] { return group.all_home(Timestamp::max()); }, 120s));
  for (int i = 0; i < kMembers; ++i) EXPECT_EQ(group.stop(i), 0) << i;
  auto& counts = disturbance.counts;
  check_times(group, end, counts);
  check_leftovers(group);
  EXPECT_GT(counts.actions, 10);
  if (testing::Test::HasFailure())
    for (int i = 0; i < kMembers; ++i) std::cerr << "== member " << i << '\n' << group.log(i);
  std::cout << counts.kills << " kills, " << counts.stops << " stops, " << counts.store_cuts << " cuts and "
            << counts.store_silences << " silences of the database, " << counts.api_cuts << " cuts and "
            << counts.api_silences << " silences of the API, " << counts.restarts << " restarts of the database; "
            << counts.times << " nominal times, " << counts.actions << " actions\n";
}

}  // namespace
}  // namespace mig_runner::test
