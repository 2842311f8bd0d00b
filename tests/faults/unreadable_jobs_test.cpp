// Jobs that the real runner cannot read for a moment, that are being written, or that a deployment swaps.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kEachSecond = "schedule = \"* * * * * * *\"\nsendonly = true\n";

std::string runner_binary() {
  return std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
}

// Starts the runner by the help of another command.
void start_runner_with(World& world, std::vector<std::string> command) {
  world.write_configuration();
  command.insert(command.end(), {runner_binary(), "-c", world.path("runner.cfg")});
  world.runner =
      std::make_unique<Process>(command, world.path("runner.log"), std::map<std::string, std::string>{{"TZ", "UTC"}});
}

// All that the runner needs belongs to the user nobody, who runs it.
void start_as_nobody(World& world) {
  const auto home = world.path("gnupg");
  fs::create_directories(home);
  fs::copy(keyring().home / "secring.gpg", home / "secring.gpg");
  world.gpg_settings = "home = " + home.string() + "\n";
  fs::permissions(world.directory.path(), fs::perms(0755));
  run_command({"chown", "-R", "nobody", home, world.path("tree")});
  start_runner_with(world, {"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"});
}

bool follows(const World& world) {
  return eventually([&] { return world.log_has("Following"); });
}

TEST(UnreadableJobs, AJobWhoseDirectoryIsClosedForAWhileKeepsRunning) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  World world;
  world.start_sandbox();
  world.job("a", kEachSecond);
  world.job("b", kEachSecond);
  start_as_nobody(world);
  ASSERT_TRUE(eventually([&] { return world.posts_of("b") > 0; })) << world.log();
  fs::permissions(world.path("tree/runners/b"), fs::perms::none);
  ASSERT_TRUE(eventually([&] { return world.log_has("b: the job cannot be read now"); })) << world.log();
  const auto before = world.posts_of("b");
  EXPECT_TRUE(eventually([&] { return world.posts_of("b") >= before + 3; }, 6s)) << world.log();
  fs::permissions(world.path("tree/runners/b"), fs::perms(0755));
  EXPECT_TRUE(eventually([&] { return world.log_has("b: the job can be read again"); })) << world.log();
  EXPECT_EQ(world.log_count("b: the job cannot be read now"), 1) << "told once, over several scans";
  EXPECT_THAT(world.log(), Not(HasSubstr("job removed")));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(UnreadableJobs, DescriptorsThatAreUsedUpRemoveNoJob) {
  World world;
  world.start_sandbox();
  for (int i = 0; i < 12; ++i) world.job("job" + std::to_string(i), kEachSecond);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.posts().size() >= 12; })) << world.log();
  rlimit before{};
  ASSERT_EQ(prlimit(world.runner->id(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit few{1, before.rlim_max};
  ASSERT_EQ(prlimit(world.runner->id(), RLIMIT_NOFILE, &few, nullptr), 0);
  world.job("job3", std::string(kEachSecond) + "expiry = 1m\n");
  EXPECT_TRUE(eventually([&] { return world.log_has("Too many open files; all jobs stay as they are"); }))
      << world.log();
  std::this_thread::sleep_for(2s);  // two more scans
  ASSERT_EQ(prlimit(world.runner->id(), RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_TRUE(eventually([&] { return world.log_has("The directory of jobs can be read again."); })) << world.log();
  EXPECT_TRUE(eventually([&] { return world.log_has("job3: job changed"); })) << world.log();
  EXPECT_EQ(world.log_count("all jobs stay as they are"), 1);
  EXPECT_THAT(world.log(), Not(HasSubstr("job removed")));
  EXPECT_THAT(world.log(), Not(HasSubstr("broken")));
  EXPECT_TRUE(world.runner->running());
}

// As a shell or an editor does that keeps its file open, over several scans and times of the schedule.
void write_slowly_and_expect_no_launch(World& world) {
  write_text(world.path("tree/runners/slow/action.json"), World::default_action());
  {
    std::ofstream file(world.path("tree/runners/slow/entity.cfg"));
    for (const char* line : {"[configuration]\n", "schedule = \"* * * * * * *\"\n", "sendonly = true\n",
                             "expiry = 1m\n", "enabled = false\n"}) {
      std::this_thread::sleep_for(700ms);
      file << line << std::flush;
    }
  }
  EXPECT_TRUE(eventually([&] { return world.log_has("slow: job added"); })) << world.log();
  std::this_thread::sleep_for(1200ms);
  EXPECT_EQ(world.posts_of("slow"), 0) << world.log();
  EXPECT_THAT(world.log(), Not(HasSubstr("broken")));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(UnreadableJobs, AJobIsLaunchedOnlyAsItIsWhenItsFileIsClosed) {
  World world;
  world.start_sandbox();
  world.start_runner();
  ASSERT_TRUE(follows(world)) << world.log();
  write_slowly_and_expect_no_launch(world);
}

// Where the kernel does not tell the runner, which has no right to, that the file is open.
TEST(UnreadableJobs, AlsoWhereItsFileIsAnotherUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  World world;
  world.start_sandbox();
  start_as_nobody(world);
  ASSERT_TRUE(follows(world)) << world.log();
  write_slowly_and_expect_no_launch(world);
}

TEST(UnreadableJobs, AConfigMapIsFollowedBetweenScans) {
  World world;
  world.runner_settings = "checkdirectory = 600\n";
  world.start_sandbox();
  const auto mount = world.path("tree/runners/disk");
  const auto put = [&](const std::string& version, const std::string& schedule) {
    write_text(mount / version / "entity.cfg", "[configuration]\nschedule = \"" + schedule + "\"\n");
    write_text(mount / version / "action.json", World::default_action());
    fs::create_symlink(version, mount / "..data_tmp");
    fs::rename(mount / "..data_tmp", mount / "..data");
  };
  put("..2026_01", "0 0 1 1 *");
  for (const std::string file : {"entity.cfg", "action.json"}) fs::create_symlink("..data/" + file, mount / file);
  world.start_runner();
  ASSERT_TRUE(follows(world)) << world.log();
  for (int i = 2; i < 5; ++i) {
    put("..2026_0" + std::to_string(i), "0 0 1 " + std::to_string(i) + " *");
    fs::remove_all(mount / ("..2026_0" + std::to_string(i - 1)));
    EXPECT_TRUE(eventually([&] { return world.log_count("disk: job changed") == i - 1; }, 3s)) << world.log();
  }
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(UnreadableJobs, WithoutInotifyWatchesScansFindChangesAndOneMessageSaysSo) {
  World world;
  world.start_sandbox();
  for (int i = 0; i < 5; ++i) world.job("job" + std::to_string(i), "schedule = \"0 0 1 1 *\"\n");
  if (Process probe({"unshare", "-U", "-r", "true"}, world.path("probe.log")); probe.wait() != 0)
    GTEST_SKIP() << "no user namespace here";
  start_runner_with(
      world, {"unshare", "-U", "-r", "sh", "-c", "echo 4 > /proc/sys/user/max_inotify_watches && exec \"$@\"", "sh"});
  ASSERT_TRUE(follows(world)) << world.log();
  world.job("job4", "schedule = \"0 0 1 2 *\"\n");
  EXPECT_TRUE(eventually([&] { return world.log_has("job4: job changed"); })) << world.log();
  EXPECT_EQ(world.log_count("No inotify watches are left"), 1) << world.log();
  EXPECT_THAT(world.log(), HasSubstr("Raise fs.inotify.max_user_watches"));
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test
