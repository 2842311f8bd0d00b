// A record of runs that cannot be used for a while: locked by another process, on a disk that is full or read-only.

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// Another process that has begun to write to the record and does not come to an end.
class WriteLock {
 public:
  explicit WriteLock(const fs::path& record) {
    EXPECT_EQ(sqlite3_open(record.c_str(), &connection_), SQLITE_OK);
    sqlite3_busy_timeout(connection_, 5000);
    EXPECT_EQ(sqlite3_exec(connection_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection_);
  }
  ~WriteLock() { sqlite3_close(connection_); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  sqlite3* connection_ = nullptr;
};

// A file system of its own in the place of the tree.
class OwnDisk {
 public:
  explicit OwnDisk(const World& world) : tree_(world.path("tree")) {
    fs::create_directories(tree_);
    mounted_ = mount("tmpfs", tree_.c_str(), "tmpfs", 0, "size=4m") == 0;
    if (mounted_) fs::create_directories(tree_ / "runners");
  }
  ~OwnDisk() {
    if (mounted_) umount2(tree_.c_str(), MNT_DETACH);
  }
  OwnDisk(const OwnDisk&) = delete;
  OwnDisk& operator=(const OwnDisk&) = delete;

  bool mounted() const { return mounted_; }
  bool read_only(bool on) const {
    return mount("tmpfs", tree_.c_str(), "tmpfs", on ? MS_REMOUNT | MS_RDONLY : MS_REMOUNT, "size=4m") == 0;
  }
  void fill() const {
    std::ofstream file(tree_ / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  void free() const { fs::remove(tree_ / "filler"); }

 private:
  const fs::path tree_;
  bool mounted_ = false;
};

constexpr auto kEverySecond = "schedule = \"* * * * * * *\"\nexpiry = 1s\n";
constexpr auto kWaits = "Nothing is launched until";

struct SlowRecord : testing::Test {
  SlowRecord() { world.start_sandbox({"--agents", "3", "--silent", "0", "--late", "0"}); }
  fs::path record() const { return world.path("tree/state/runs.db"); }
  std::chrono::milliseconds time_to_stop() {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(world.stop_runner(), 0) << world.log();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  }
  void make_record() {
    world.start_runner();
    ASSERT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
    ASSERT_EQ(world.stop_runner(), 0);
  }
  World world;
};

TEST_F(SlowRecord, TheEndComesWithinFiveSecondsBesideALock) {
  world.plugin("slow", "sleep 1");
  for (const auto* job : {"one", "two", "three"}) world.job(job, std::string(kEverySecond) + "plugin = slow\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("delivered to slow"); })) << world.log();
  const WriteLock lock(record());
  std::this_thread::sleep_for(700ms);  // all stages want to write by now
  EXPECT_LT(time_to_stop(), 5s) << world.log();
}

TEST_F(SlowRecord, TheStartWaitsForALock) {
  make_record();
  world.job("often", kEverySecond);
  {
    const WriteLock lock(record());
    world.start_runner();
    ASSERT_TRUE(eventually([&] { return world.log_has(kWaits); })) << world.log();
    EXPECT_THAT(world.log(), HasSubstr("another process keeps the database locked"));
    std::this_thread::sleep_for(2500ms);
    ASSERT_TRUE(world.runner->running()) << world.log();
  }
  EXPECT_TRUE(eventually([&] { return world.log_has("launched as action"); })) << world.log();
  EXPECT_EQ(world.log_count(kWaits), 1) << world.log();
  EXPECT_EQ(world.log_count("The start goes on"), 1) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST_F(SlowRecord, ASignalEndsTheWaitingOfTheStart) {
  make_record();
  const WriteLock lock(record());
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has(kWaits); })) << world.log();
  EXPECT_LT(time_to_stop(), 2s) << world.log();
}

TEST_F(SlowRecord, TheStartWaitsForRoomOnTheDisk) {
  const OwnDisk disk(world);
  if (!disk.mounted()) GTEST_SKIP() << "only root can mount a small file system";
  world.job("often", kEverySecond);
  disk.fill();
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has(kWaits); })) << world.log();
  EXPECT_TRUE(world.log_has("No space left") || world.log_has("the disk is full")) << world.log();
  disk.free();
  EXPECT_TRUE(eventually([&] { return world.log_has("launched as action"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST_F(SlowRecord, TheStartWaitsForADiskThatIsReadOnly) {
  const OwnDisk disk(world);
  if (!disk.mounted()) GTEST_SKIP() << "only root can mount a small file system";
  world.job("often", kEverySecond);
  ASSERT_TRUE(disk.read_only(true));
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has(kWaits); })) << world.log();
  EXPECT_THAT(world.log(), HasSubstr("Read-only file system"));
  ASSERT_TRUE(disk.read_only(false));
  EXPECT_TRUE(eventually([&] { return world.log_has("launched as action"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST_F(SlowRecord, AConfigurationThatIsNotThereEndsTheStart) {
  world.write_configuration();
  fs::remove(world.path("migrc"));
  world.runner = std::make_unique<Process>(
      std::vector<std::string>{MIG_BINARY_DIR "/src/cli/mig-runner", "-c", world.path("runner.cfg")},
      world.path("runner.log"));
  EXPECT_EQ(world.runner->wait(), 9) << world.log();
}

}  // namespace
}  // namespace mig_runner::test
