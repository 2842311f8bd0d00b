// Logs that nobody reads, as the real runner meets them: it goes on, and ends when it is told to.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

// Talks more than a pipe holds.
struct TalkativeWorld : World {
  TalkativeWorld() {
    start_sandbox({"--agents", "1", "--silent", "0", "--late", "0"});
    plugin("talk",
           "cat > /dev/null\nyes \"$(head -c 4000 /dev/zero | tr '\\0' x)\" | head -n 800\necho x >> delivered");
    job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = talk\n");
  }
  std::size_t delivered() const { return file("tree/delivered").size() / 2; }
  void expect_to_go_on_and_end() {
    EXPECT_TRUE(eventually([&] { return delivered() >= 4; }));
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(stop_runner(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
};

// Reads until `wanted` was among what came.
bool reads(int fd, const std::string& wanted) {
  std::string all;
  return eventually([&] {
    std::string piece(65536, '\0');
    const auto size = read(fd, piece.data(), piece.size());
    all.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return all.find(wanted) != std::string::npos;
  });
}

TEST(StuckLog, AStandardOutputThatNobodyReadsStopsNothing) {
  TalkativeWorld world;
  ASSERT_EQ(mkfifo(world.path("pipe").c_str(), 0600), 0);
  const UniqueFd reader(open(world.path("pipe").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  world.write_configuration();
  world.runner =
      std::make_unique<Process>(std::vector<std::string>{"/bin/sh", "-c", "exec \"$0\" -c \"$1\" >\"$2\" 2>&1",
                                                         std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner",
                                                         world.path("runner.cfg"), world.path("pipe")},
                                world.path("runner.log"), std::map<std::string, std::string>{{"TZ", "UTC"}});
  ASSERT_TRUE(eventually([&] { return world.delivered() >= 4; }));
  // Late messages come in order, and lost ones are counted.
  EXPECT_TRUE(reads(reader.get(), "Following 1 job"));
  EXPECT_TRUE(reads(reader.get(), " messages of this log could not be written and went lost\n"));
  world.expect_to_go_on_and_end();
}

TEST(StuckLog, AFifoWithoutAReaderStopsNothing) {
  TalkativeWorld world;
  ASSERT_EQ(mkfifo(world.path("log").c_str(), 0600), 0);
  world.logging_settings = "mode = file\nfile = " + world.path("log").string() + "\n";
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.delivered() >= 2; })) << world.log();
  const UniqueFd reader(open(world.path("log").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(reads(reader.get(), "talk: xxx"));
  world.expect_to_go_on_and_end();  // though the reader reads no more
}

TEST(StuckLog, ADeviceIsNotRotated) {
  World world;
  world.start_sandbox();
  std::filesystem::create_symlink("/dev/stdout", world.path("log"));
  world.logging_settings = "mode = file\nlevel = debug\nmaxfilesize = 400\nfile = " + world.path("log").string() + "\n";
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.log().size() > 2000; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_TRUE(std::filesystem::is_symlink(world.path("log")));
  EXPECT_FALSE(std::filesystem::exists(world.path("log.1")));
  EXPECT_FALSE(std::filesystem::exists(world.path("runner.log.1")));
}

TEST(StuckLog, PassesNothingThatATerminalObeys) {
  World world;
  world.start_sandbox({"--agents", "1", "--silent", "0", "--late", "0"});
  world.plugin("talk", "cat > /dev/null; printf 'a\\302\\233b\\233c\\342\\200\\256d\\033e\\n'");
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\nplugin = talk\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.log_has("often@") && world.log_has("talk: a"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_TRUE(world.log_has("talk: a\\u009bb\uFFFDc\\u202ed\\x1be\n")) << world.log();
}

}  // namespace
}  // namespace mig_runner::test
