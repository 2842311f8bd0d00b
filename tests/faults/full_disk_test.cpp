// A disk that fills while the real runner works on it: reported, nothing lost, and it goes on when there is room again.

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

// A file system of 4 MB in memory in the tree's place.
class SmallDisk {
 public:
  explicit SmallDisk(const World& world) : tree_(world.path("tree")) {
    mounted_ = mount("tmpfs", tree_.c_str(), "tmpfs", 0, "size=4m") == 0;
    if (mounted_) std::filesystem::create_directories(tree_ / "runners");
  }
  ~SmallDisk() {
    if (mounted_) umount2(tree_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  void fill() const {
    std::ofstream file(tree_ / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  void free() const { std::filesystem::remove(tree_ / "filler"); }

 private:
  const std::filesystem::path tree_;
  bool mounted_ = false;
};

TEST(FullDisk, LosesNothingAndGoesOn) {
  World world;
  const SmallDisk disk(world);
  if (!disk.mounted()) GTEST_SKIP() << "only root can mount a small file system";
  world.start_sandbox({"--agents", "100", "--silent", "0", "--late", "0"});
  world.plugin("save", "cat > \"delivered-$MIG_RUNNER_ACTION_ID\"");
  world.job("often", "schedule = \"*/2 * * * * * *\"\nexpiry = 2s\nplugin = save\nkeepresults = 2\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("delivered to save"); }, 30s)) << world.log();
  disk.fill();
  ASSERT_TRUE(eventually([&] { return world.log_has("No space left") || world.log_has("is full"); }, 30s))
      << world.log();
  EXPECT_TRUE(world.runner->running());
  const auto launched_by_then = world.posts().size();
  disk.free();
  const auto delivered_at_least = world.log_count("delivered to save") + 2;
  EXPECT_TRUE(eventually([&] { return world.log_count("delivered to save") >= delivered_at_least; }, 60s))
      << world.log();
  world.job("often", "schedule = \"*/2 * * * * * *\"\nexpiry = 2s\nplugin = save\nkeepresults = 2\nenabled = false\n");
  EXPECT_TRUE(
      eventually([&] { return world.log_count("delivered to save") >= static_cast<int>(world.posts().size()); }, 60s))
      << world.posts().size() << " actions\n"
      << world.log();
  EXPECT_GE(world.posts().size(), launched_by_then);
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test
