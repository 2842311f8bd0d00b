// Plugins that hang, change their user or leave processes behind, as the real runner meets them.

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kRunner = std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";

void sandbox_of_one(World& world) {
  world.start_sandbox({"--agents", "1", "--silent", "0", "--late", "0"});
}

void start_as(World& world, std::vector<std::string> command) {
  world.write_configuration();
  command.insert(command.end(), {kRunner, "-c", world.path("runner.cfg")});
  world.runner =
      std::make_unique<Process>(command, world.path("runner.log"), std::map<std::string, std::string>{{"TZ", "UTC"}});
}

// As an ordinary user's runner, it may not signal a process of another user.
void start_without_kill(World& world) {
  start_as(world, {"setpriv", "--bounding-set", "-kill", "--inh-caps", "-kill"});
}

// The process of a plugin that was given up.
struct Leftover {
  explicit Leftover(const World& the_world) : world(the_world) {}
  ~Leftover() {
    std::istringstream processes(world.file("tree/processes"));
    for (pid_t process = 0; processes >> process;) kill(process, SIGKILL);
  }
  const World& world;
};

TEST(StuckPlugin, OneThatChangedItsUserIsGivenUp) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can start a process of another user";
  World world;
  const Leftover leftover(world);
  sandbox_of_one(world);
  world.plugin("away", "echo $$ >> processes; exec setpriv --reuid 65534 --clear-groups sleep 60");
  world.job("away",
            "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = away\nplugintimeout = 1s\npluginretries = 0\n");
  start_without_kill(world);
  EXPECT_TRUE(eventually([&] {
    return world.log_has("undeliverable after 1 failures") || world.log_has("undeliverable after 1 failure");
  })) << world.log();
  EXPECT_TRUE(world.log_has("it ran longer than plugintimeout and could not be ended: it runs as another user"))
      << world.log();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(StuckPlugin, AnHonestEndOfOneThatCouldNotBeSignalledCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can start a process of another user";
  World world;
  sandbox_of_one(world);
  world.plugin("away", "exec setpriv --reuid 65534 --clear-groups sleep 2");
  world.job("away", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = away\nplugintimeout = 1s\n");
  start_without_kill(world);
  EXPECT_TRUE(eventually([&] { return world.log_has("delivered to away"); })) << world.log();
  EXPECT_FALSE(world.log_has("plugintimeout")) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(StuckPlugin, OneJobLeavesThreadsToTheOthers) {
  World world;
  sandbox_of_one(world);
  world.plugin("hang", "echo x >> hanging; exec sleep 60");
  world.plugin("save", "cat > /dev/null; echo x >> saved");
  world.job("a", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = hang\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_count("a@") > 0 && world.log_count("collected into") >= 5; }))
      << world.log();
  EXPECT_EQ(world.file("tree/hanging"), "x\nx\n") << "half of four threads";
  world.job("b", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = save\n");
  EXPECT_TRUE(eventually([&] { return world.file("tree/saved").size() >= 4; }, 8s)) << world.log();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

// The children of a process, as "PID STATE".
std::vector<std::string> children_of(pid_t parent) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto stat = read_text(entry.path() / "stat");
    const auto end = stat.rfind(") ");
    if (end == std::string::npos) continue;
    std::istringstream fields(stat.substr(end + 2));
    std::string state;
    pid_t its_parent = 0;
    fields >> state >> its_parent;
    if (its_parent == parent) found.push_back(entry.path().filename().string() + " " + state);
  }
  return found;
}

TEST(StuckPlugin, AsTheFirstProcessItReapsWhatPluginsLeave) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can start a process 1";
  World world;
  sandbox_of_one(world);
  world.plugin("leave", "cat > /dev/null; sleep 0.1 >/dev/null 2>&1 & exit 0");
  world.job("leave", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = leave\n");
  start_as(world, {"unshare", "--pid", "--fork", "--kill-child"});
  ASSERT_TRUE(eventually([&] { return world.log_count("delivered to leave") >= 3; })) << world.log();
  const auto first = children_of(world.runner->id());
  ASSERT_EQ(first.size(), 1U);
  const auto runner = std::stoi(first.front());
  world.job("leave", "schedule = \"* * * * * * *\"\nenabled = false\nplugin = leave\n");
  EXPECT_TRUE(eventually([&] { return children_of(runner).empty(); }, 8s)) << children_of(runner).front();
  EXPECT_FALSE(world.log_has("exit status is lost")) << world.log();
  kill(runner, SIGTERM);
  EXPECT_EQ(world.runner->wait(), 0);
}

TEST(StuckPlugin, ALimitOfTheSizeOfFilesIsAnError) {
  World world;
  sandbox_of_one(world);
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  start_as(world, {"/bin/sh", "-c", "ulimit -f 16; exec \"$@\"", "sh"});
  const auto status = world.runner->wait(3s);
  EXPECT_LT(status ? *status : world.stop_runner(), 128) << "ended by a signal";
  EXPECT_NE(world.log(), "");
}

TEST(StuckPlugin, StandardDescriptorsThatAreClosedAreOpened) {
  World world;
  sandbox_of_one(world);
  world.plugin("save", "cat > /dev/null; echo talk; echo talk >&2; echo x >> saved");
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = save\n");
  start_as(world, {"/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"});
  EXPECT_TRUE(eventually([&] { return world.file("tree/saved").size() >= 2; })) << world.log();
  for (const std::string fd : {"0", "1", "2"})
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(world.runner->id()) + "/fd/" + fd), "/dev/null");
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test
