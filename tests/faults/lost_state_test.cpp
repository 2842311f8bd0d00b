// The runner's state renamed, removed or replaced under it: nothing is launched twice, no result is lost.

#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kStopped = "Nothing is launched: ";
constexpr auto kGoesOn = "Launching goes on";

struct LostState : testing::Test {
  LostState() {
    world.start_sandbox({"--agents", "3", "--silent", "0", "--late", "0"});
    world.plugin("save", "cat > \"delivered-$MIG_RUNNER_ACTION_ID\"");
    world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 2s\nplugin = save\n");
    world.start_runner();
    if (!eventually([&] { return world.log_has("launched as action"); })) ADD_FAILURE() << world.log();
  }
  // Each post is a run of its own, by all logs until now. Ends the runner.
  void expect_none_twice() {
    EXPECT_EQ(world.stop_runner(), 0) << world.log();
    std::istringstream lines(world.log());
    for (std::string line; std::getline(lines, line);) {
      if (line.find(": launched as action") == std::string::npos) continue;
      EXPECT_TRUE(launched_.insert(line.substr(line.find("often@"), 26)).second) << "twice: " << line;
    }
    EXPECT_EQ(world.posts().size(), launched_.size()) << world.posts().dump(1);
  }
  std::unique_ptr<Process> second_runner() const {
    return std::make_unique<Process>(
        std::vector<std::string>{MIG_BINARY_DIR "/src/cli/mig-runner", "-c", world.path("runner.cfg")},
        world.path("second.log"));
  }
  void expect_stopped() const {
    ASSERT_TRUE(eventually([&] { return world.log_has(kStopped); }, 5s)) << world.log();
    std::this_thread::sleep_for(200ms);  // what was being posted
    const auto before = world.posts().size();
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(world.posts().size(), before) << world.log();
    EXPECT_EQ(world.log_count(kStopped), 1) << world.log();
  }
  void expect_all_delivered() const {
    const auto launched = world.posts().size();
    EXPECT_TRUE(eventually(
        [&] {
          std::size_t delivered = 0;
          for (const auto& entry : fs::directory_iterator(world.path("tree")))
            delivered += entry.path().filename().string().starts_with("delivered-") ? 1 : 0;
          return delivered >= launched;
        },
        9s))
        << launched << '\n'
        << world.log();
  }
  fs::path tree() const { return world.path("tree"); }
  World world;

 private:
  std::set<std::string> launched_;
};

TEST_F(LostState, ARenamedStateStopsLaunchingUntilItIsBack) {
  fs::rename(tree() / "state", tree() / "state.old");
  expect_stopped();
  EXPECT_THAT(world.log(), HasSubstr((tree() / "state").string()));
  const auto second = second_runner();
  EXPECT_EQ(second->wait(), 9);
  EXPECT_THAT(second->output(), HasSubstr("another runner works on this tree"));
  EXPECT_FALSE(fs::exists(tree() / "state")) << "it made one for itself";
  fs::rename(tree() / "state.old", tree() / "state");
  ASSERT_TRUE(eventually([&] { return world.log_has(kGoesOn); }, 5s)) << world.log();
  const auto before = world.posts().size();
  EXPECT_TRUE(eventually([&] { return world.posts().size() > before; }, 5s)) << world.log();
  EXPECT_EQ(world.log_count(kGoesOn), 1) << world.log();
  expect_none_twice();
}

TEST_F(LostState, ARemovedStateLosesNoResult) {
  fs::remove_all(tree() / "state");
  expect_stopped();
  expect_all_delivered();
  const auto second = second_runner();
  EXPECT_EQ(second->wait(), 9);
  expect_none_twice();
  fs::remove(world.path("runner.log"));
  world.start_runner();  // with a new record
  EXPECT_TRUE(eventually([&] { return world.log_has("launched as action"); }, 5s)) << world.log();
  expect_none_twice();
}

TEST_F(LostState, ARecordThatIsReplacedIsNotLaunchedFrom) {
  const auto record = tree() / "state/runs.db";
  fs::copy_file(record, tree() / "backup.db");
  fs::rename(tree() / "backup.db", record);
  expect_stopped();
  EXPECT_THAT(world.log(), HasSubstr(record.string()));
  expect_all_delivered();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_FALSE(fs::exists(record.string() + "-wal") && fs::file_size(record.string() + "-wal") > 0)
      << "a log that belongs to another file";
}

TEST_F(LostState, ARecordThatIsRemovedIsNotLaunchedFrom) {
  fs::rename(tree() / "state/runs.db", tree() / "state/kept.db");
  expect_stopped();
  expect_all_delivered();
  fs::rename(tree() / "state/kept.db", tree() / "state/runs.db");
  ASSERT_TRUE(eventually([&] { return world.log_has(kGoesOn); }, 5s)) << world.log();
  const auto before = world.posts().size();
  EXPECT_TRUE(eventually([&] { return world.posts().size() > before; }, 5s)) << world.log();
  expect_none_twice();
}

}  // namespace
}  // namespace mig_runner::test
