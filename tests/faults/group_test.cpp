// Three real runners on one PostgreSQL that are killed, stopped for longer than a lease, and cut off, while the
// database restarts and the API answers with faults. Every nominal time has one action at most; every action has its
// whole result, in one of the trees, and a delivery. MIG_SOAK_SECONDS makes it run longer (make soak); the counts are
// printed.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "e2e/world.h"
#include "store/administration.h"
#include "store/run_store.h"
#include "support/postgresql_server.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int kMembers = 3;
const std::vector<std::string> kFaults{"500:rate=0.05",          "latency:rate=0.1,delay=200ms",
                                       "reset-before:rate=0.05", "reset-inside:rate=0.05",
                                       "reset-after:rate=0.05",  "answer-lost:rate=0.1"};

class Group {
 public:
  Group() {
    world.start_sandbox(sandbox_arguments());
    database = server.new_database();
    EXPECT_TRUE(store::make_schema(location()));
    world.write_configuration();  // the client configuration, which all share
    fs::create_directories(world.path("delivered"));
    for (int i = 0; i < kMembers; ++i) prepare(i);
  }
  ~Group() {
    for (auto& member : members) member.reset();
  }

  store::Location location() const { return store::Location::parse(server.uri(database), "").value(); }
  fs::path tree(int i) const { return world.path("member-" + std::to_string(i)); }

  void set_job(bool enabled) const {
    for (int i = 0; i < kMembers; ++i) {
      write_text(tree(i) / "runners" / "every-second" / "action.json", World::default_action());
      write_text(
          tree(i) / "runners" / "every-second" / "entity.cfg",
          std::string("[configuration]\nschedule = \"* * * * * * *\"\nexpiry = 2s\nplugin = save\ncatchup = skip\n") +
              (enabled ? "" : "enabled = false\n"));
    }
  }
  void start(int i) {
    members[static_cast<std::size_t>(i)] =
        std::make_unique<Process>(std::vector<std::string>{std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", "-c",
                                                           world.path("member-" + std::to_string(i) + ".cfg")},
                                  log_file(i), std::map<std::string, std::string>{{"TZ", "UTC"}});
  }
  Process& member(int i) { return *members[static_cast<std::size_t>(i)]; }
  fs::path log_file(int i) const { return world.path("member-" + std::to_string(i) + ".log"); }
  void cut_connections() const {
    server.query("postgres",
                 "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '" + database + "'");
  }

  World world;
  PostgresqlServer server;
  std::string database;
  std::array<std::unique_ptr<Process>, kMembers> members;

 private:
  static std::vector<std::string> sandbox_arguments() {
    std::vector<std::string> arguments{"--agents", "20"};
    for (const auto& fault : kFaults) {
      arguments.emplace_back("--fault");
      arguments.push_back(fault);
    }
    return arguments;
  }
  void prepare(int i) const {
    write_text(world.path("member-" + std::to_string(i) + ".cfg"),
               "[runner]\ndirectory = " + tree(i).string() + "\ncheckdirectory = 1\nlease = 2s\nstore = \"" +
                   server.uri(database) + "\"\n[logging]\nmode = stdout\nlevel = debug\n[client]\nclientconfpath = " +
                   world.path("migrc").string() + "\n");
    const auto plugin = tree(i) / "plugins" / "save";
    const auto delivered = world.path("delivered").string();
    write_text(plugin, "#!/bin/sh\ncat > " + delivered + "/.part-$$ && mv " + delivered + "/.part-$$ " + delivered +
                           "/$MIG_RUNNER_ACTION_ID\n");
    fs::permissions(plugin, fs::perms::owner_all);
  }
};

struct Counts {
  int kills = 0, stops = 0, cuts = 0, restarts = 0, times = 0, actions = 0;
};

std::chrono::seconds soak_time() {
  const char* text = std::getenv("MIG_SOAK_SECONDS");
  return std::chrono::seconds(text != nullptr ? std::max(std::stol(text), 260L) : 20);
}

// One member at a time is dead or stopped, so that work goes on.
void disturb(Group& group, std::chrono::seconds how_long, Counts& counts) {
  std::mt19937 random(20261123);
  const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  const auto end = steady_clock::now() + how_long;
  while (steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + pick(1500)));
    const int victim = pick(kMembers);
    const int deed = pick(10);
    if (deed < 4) {
      group.member(victim).signal(SIGKILL);
      group.member(victim).wait();
      ++counts.kills;
      std::this_thread::sleep_for(std::chrono::milliseconds(pick(4000)));
      group.start(victim);
    } else if (deed < 7) {
      group.member(victim).signal(SIGSTOP);
      ++counts.stops;
      std::this_thread::sleep_for(std::chrono::milliseconds(2500 + pick(3000)));
      group.member(victim).signal(SIGCONT);
    } else if (deed < 9) {
      group.cut_connections();
      ++counts.cuts;
    } else {
      group.server.stop(pick(2) == 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(pick(1500)));
      group.server.start();
      ++counts.restarts;
    }
  }
}

void check_actions(const Group& group, Counts& counts) {
  const auto store = store::RunStore::open_beside(group.location(), "test").value();
  std::set<std::string> runs;
  for (const auto& post : group.world.posts()) {
    ++counts.actions;
    const auto id = post.at("id").get<std::int64_t>();
    const auto run = store->find_action(id).value();
    ASSERT_TRUE(run.has_value()) << "no run knows of " << post;
    EXPECT_TRUE(runs.insert(run->name()).second) << "posted twice: " << run->name();
    EXPECT_EQ(run->state, store::RunState::delivered) << run->name() << ": " << run->reason;
    EXPECT_TRUE(fs::exists(group.world.path("delivered/" + std::to_string(id)))) << run->name();
    bool kept = false;
    for (int i = 0; i < kMembers; ++i) kept = kept || fs::exists(group.tree(i) / run->result_file);
    EXPECT_TRUE(kept) << run->name() << ": " << run->result_file;
  }
  counts.times = static_cast<int>(store->history("every-second", 100'000)->size());
}

TEST(Group, ThreeRunnersLaunchEachTimeOnceWhateverBefallsThem) {
  Group group;
  group.set_job(true);
  for (int i = 0; i < kMembers; ++i) group.start(i);
  Counts counts;
  disturb(group, soak_time(), counts);
  group.set_job(false);
  group.world.clear_faults();
  const auto store = store::RunStore::open_beside(group.location(), "test").value();
  const auto all_home = [&] {
    const auto known = store->counts();
    if (!known) return false;
    for (const auto& [state, runs] : *known)
      if (state <= store::RunState::stored && runs > 0) return false;
    return true;
  };
  EXPECT_TRUE(eventually(all_home, 90s));
  for (int i = 0; i < kMembers; ++i) {
    group.member(i).signal(SIGTERM);
    EXPECT_EQ(group.member(i).wait(), 0) << i;
  }
  check_actions(group, counts);
  EXPECT_GT(counts.actions, 10);
  if (testing::Test::HasFailure())
    for (int i = 0; i < kMembers; ++i) std::cerr << "== member " << i << '\n' << read_text(group.log_file(i));
  std::cout << counts.kills << " kills, " << counts.stops << " stops, " << counts.cuts << " cuts, " << counts.restarts
            << " restarts, " << counts.times << " nominal times, " << counts.actions << " actions\n";
}

}  // namespace
}  // namespace mig_runner::test
