#include "daemon/wakeups.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"

namespace mig_runner::daemon {
namespace {

using namespace std::chrono_literals;

class WakeupsTest : public testing::Test {
 protected:
  void TearDown() override {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int number : {SIGTERM, SIGINT}) sigaddset(&ending, number);
    const timespec at_once{};
    while (sigtimedwait(&ending, nullptr, &at_once) > 0) {
    }
  }

  Wakeups wakeups = std::move(Wakeups::create().value());
  const Clock& clock = system_clock();
};

TEST_F(WakeupsTest, SignalsAreTold) {
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(wakeups.wait(std::nullopt, 10s, -1).reload);
  EXPECT_FALSE(wakeups.wait(std::nullopt, 0s, -1).reload) << "once";
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(wakeups.wait(std::nullopt, 10s, -1).terminate);
  EXPECT_TRUE(wakeups.wait(std::nullopt, 10s, -1).terminate) << "whoever asks later is told too";
}

TEST_F(WakeupsTest, TheKeyboardEndsToo) {
  kill(getpid(), SIGINT);
  EXPECT_TRUE(wakeups.wait(std::nullopt, 10s, -1).terminate);
}

TEST_F(WakeupsTest, ATimeOfTheClockWakesOnTime) {
  const auto wake = clock.now() + 50ms;
  const auto events = wakeups.wait(wake, 10s, -1);
  EXPECT_GE(clock.now(), wake);
  EXPECT_LT(clock.now(), wake + 5s);
  EXPECT_FALSE(events.terminate || events.reload || events.clock_was_set || events.spool);
}

TEST_F(WakeupsTest, ATimeInThePastWakesAtOnce) {
  const auto begin = clock.now();
  wakeups.wait(clock.now() - 1h, 10s, -1);
  wakeups.wait(Timestamp(-1s), 10s, -1);
  EXPECT_LT(clock.now() - begin, 5s);
}

TEST_F(WakeupsTest, TheLongestWaitHolds) {
  const auto begin = clock.now();
  wakeups.wait(std::nullopt, 20ms, -1);
  EXPECT_LT(clock.now() - begin, 5s);
}

TEST_F(WakeupsTest, TheSpoolIsTold) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ASSERT_EQ(write(writer.get(), "x", 1), 1);
  EXPECT_TRUE(wakeups.wait(std::nullopt, 10s, reader.get()).spool);
}

}  // namespace
}  // namespace mig_runner::daemon
