// The runner as a service: what it tells its service manager.

#include <gmock/gmock.h>

#include <csignal>

#include "e2e/world.h"
#include "support/notify_socket.h"

namespace mig_runner::test {
namespace {

using testing::HasSubstr;

std::size_t position(NotifySocket& socket, const std::string& message, std::size_t from = 0) {
  const auto& all = socket.messages();
  for (std::size_t i = from; i < all.size(); ++i)
    if (all[i].starts_with(message)) return i;
  ADD_FAILURE() << message << " was not sent";
  return all.size();
}

TEST(Service, IsReadyReloadsAndStops) {
  NotifySocket socket;
  World world;
  world.start_sandbox();
  world.job("yearly", "schedule = \"0 0 1 1 *\"\n");
  world.start_runner({{"NOTIFY_SOCKET", socket.path()}});
  ASSERT_TRUE(eventually([&] { return socket.count("STATUS=1 job, next launch at ") == 1; })) << world.log();
  EXPECT_EQ(socket.count("READY=1"), 1);
  EXPECT_EQ(socket.count("WATCHDOG=1"), 0);

  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return socket.count("READY=1") == 2; })) << world.log();
  EXPECT_EQ(position(socket, "READY=1", position(socket, "RELOADING=1\nMONOTONIC_USEC=")),
            position(socket, "RELOADING=1") + 1);

  world.job("daily", "schedule = \"0 0 * * *\"\n");
  EXPECT_TRUE(eventually([&] { return socket.count("STATUS=2 jobs, next launch at ") == 1; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(socket.messages().back(), "STOPPING=1");
}

TEST(Service, IsNotReadyWhereItCannotStart) {
  NotifySocket socket;
  World world;
  world.start_sandbox();
  world.gpg_settings = "keyid = 0000000000000000000000000000000000000000\n";
  world.start_runner({{"NOTIFY_SOCKET", socket.path()}});
  EXPECT_EQ(world.runner->wait(), 9);
  EXPECT_EQ(socket.count("READY=1"), 0);
}

// The watchdog's variables name this runner's process only from within: a shell becomes it.
TEST(Service, FeedsTheWatchdogWhileTheLoopIsAlive) {
  NotifySocket socket;
  World world;
  world.start_sandbox();
  world.write_configuration();
  world.runner = std::make_unique<Process>(
      std::vector<std::string>{"/bin/sh", "-c", "WATCHDOG_PID=$$ exec \"$0\" -c \"$1\"",
                               std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", world.path("runner.cfg")},
      world.path("runner.log"),
      std::map<std::string, std::string>{{"NOTIFY_SOCKET", socket.path()}, {"WATCHDOG_USEC", "100000"}});
  ASSERT_TRUE(eventually([&] { return socket.count("WATCHDOG=1") >= 3; })) << world.log();

  world.runner->signal(SIGSTOP);
  const auto fed = socket.count("WATCHDOG=1");
  EXPECT_FALSE(eventually([&] { return socket.count("WATCHDOG=1") > fed + 1; }, std::chrono::milliseconds(300)));
  world.runner->signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return socket.count("WATCHDOG=1") > fed + 1; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test
