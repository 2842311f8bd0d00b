// An outage that thirty jobs meet at once is one message, as an operator sees it, and one when it is over.

#include <gmock/gmock.h>

#include <thread>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

TEST(OutageOfTheApi, IsOneMessageOfThirtyJobs) {
  World world;
  world.logging_settings = "mode = stdout\nlevel = info\n";
  world.start_sandbox({"--agents", "3", "--silent", "0", "--late", "0"});
  for (int i = 0; i < 30; ++i)
    world.job("job-" + std::to_string(i), "schedule = \"*/2 * * * * * *\"\nexpiry = 1s\nstartdeadline = 1h\n");
  world.stop_sandbox();
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("not launched"); })) << world.log();
  std::this_thread::sleep_for(3s);
  // The first run that waits, and the first that is given up.
  EXPECT_LE(world.log_count("not launched, next try"), 1) << world.log();
  EXPECT_EQ(world.log_count(": missed: "), 1) << world.log();
  world.start_sandbox({"--agents", "3", "--silent", "0", "--late", "0"});
  ASSERT_TRUE(eventually([&] { return world.log_has("Actions are launched again: "); }, 9s)) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(world.log_count("Actions are launched again: "), 1) << world.log();
}

}  // namespace
}  // namespace mig_runner::test
