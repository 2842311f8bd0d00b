#include "daemon/service_manager.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "support/notify_socket.h"

namespace mig_runner::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("NOTIFY_SOCKET", socket.path().c_str(), 1);
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }

  const ServiceManager::Clock::time_point start = ServiceManager::Clock::time_point(1h);
  test::NotifySocket socket;
};

TEST_F(ServiceManagerTest, TellsOfEachStep) {
  ServiceManager manager;
  manager.ready();
  manager.reloading();
  manager.ready();
  manager.stopping();
  EXPECT_THAT(socket.messages(), ElementsAre("READY=1", testing::MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"),
                                             "READY=1", "STOPPING=1"));
}

TEST_F(ServiceManagerTest, AStatusIsSentOnceAndOnOneLine) {
  ServiceManager manager;
  manager.status("2 jobs");
  manager.status("2 jobs");
  manager.status("a job\nREADY=1");
  EXPECT_THAT(socket.messages(), ElementsAre("STATUS=2 jobs", "STATUS=a job\\nREADY=1"));
}

TEST_F(ServiceManagerTest, IsAliveTwiceInTheTimeItIsGiven) {
  ServiceManager manager;
  EXPECT_EQ(manager.alive(start), 30s);
  EXPECT_EQ(manager.alive(start + 1s), 29s);
  EXPECT_EQ(manager.alive(start + 29'999ms), 1ms);
  EXPECT_EQ(socket.count("WATCHDOG=1"), 1);
  EXPECT_EQ(manager.alive(start + 30s), 30s);
  EXPECT_EQ(socket.count("WATCHDOG=1"), 2);
  EXPECT_EQ(manager.alive(start + 100s), 30s);  // a round that took long
  EXPECT_EQ(socket.count("WATCHDOG=1"), 3);
}

TEST_F(ServiceManagerTest, IsNotToldToBeAliveWhileThreadsAreStuck) {
  ServiceManager manager;
  EXPECT_EQ(manager.alive(start, false), 30s);
  EXPECT_EQ(manager.alive(start + 30s, false), 30s);
  EXPECT_EQ(socket.count("WATCHDOG=1"), 0);
  EXPECT_EQ(manager.alive(start + 60s, true), 30s);
  EXPECT_EQ(socket.count("WATCHDOG=1"), 1);
}

TEST_F(ServiceManagerTest, AWatchdogOfAnotherProcessIsNotOurs) {
  setenv("WATCHDOG_PID", "1", 1);
  ServiceManager manager;
  EXPECT_EQ(manager.alive(start), std::nullopt);
  EXPECT_THAT(socket.messages(), IsEmpty());
}

TEST_F(ServiceManagerTest, IsSilentWithoutAServiceManager) {
  unsetenv("NOTIFY_SOCKET");
  ServiceManager manager;
  manager.ready();
  manager.status("2 jobs");
  manager.alive(start);
  manager.stopping();
  EXPECT_THAT(socket.messages(), IsEmpty());
}

TEST_F(ServiceManagerTest, ASocketThatIsGoneIsNoProblem) {
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  ServiceManager manager;
  manager.ready();
  EXPECT_EQ(manager.alive(start), 30s);
}

}  // namespace
}  // namespace mig_runner::daemon
