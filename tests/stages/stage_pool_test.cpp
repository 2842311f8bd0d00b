#include "stages/stage_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using stages::StagePool;

const Clock& kClock = system_clock();

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + 20s;
}

// Waits until the counter has at least this value; one that stays behind is said, not waited for without end.
testing::AssertionResult reaches(const std::atomic<int>& counter, int value) {
  for (const auto until = soon(); counter < value; std::this_thread::yield())
    if (std::chrono::steady_clock::now() > until)
      return testing::AssertionFailure() << counter << " of " << value << " after 20 s";
  return testing::AssertionSuccess();
}

TEST(StagePool, AStepThatNamesATimeIsCalledAgainThen) {
  std::atomic<int> calls = 0;
  Timestamp second{};
  StagePool pool(kClock);
  const auto wake = kClock.now() + 30ms;
  pool.add([&](Timestamp now) -> std::optional<Timestamp> {
    if (++calls == 1) return wake;
    second = now;
    return std::nullopt;
  });
  ASSERT_TRUE(reaches(calls, 2));
  pool.request_stop();
  ASSERT_TRUE(pool.wait(soon()));
  EXPECT_GE(second, wake);
  EXPECT_EQ(calls, 2) << "and then only when rung";
}

TEST(StagePool, ARingWakesEveryThread) {
  std::array<std::atomic<int>, 3> calls{};
  StagePool pool(kClock);
  for (auto& own : calls)
    pool.add([&own](Timestamp) -> std::optional<Timestamp> {
      ++own;
      return std::nullopt;
    });
  for (int round = 1; round <= 50; ++round) {
    for (auto& own : calls) ASSERT_TRUE(reaches(own, round));
    pool.wake();
  }
}

// Of three threads that sleep for ten hours, two look again for two things that are due in one.
TEST(StagePool, AsManyLookAgainAsThereAreThings) {
  std::atomic<int> looked = 0;
  std::atomic<bool> rung = false;
  StagePool pool(kClock);
  for (int i = 0; i < 3; ++i)
    pool.add([&](Timestamp now) -> std::optional<Timestamp> {
      ++looked;
      while (rung && looked < 5) std::this_thread::yield();  // one alone does not do for both
      return now + 10h;
    });
  ASSERT_TRUE(reaches(looked, 3));
  rung = true;
  pool.wake(kClock.now() + 1h, 2);
  EXPECT_TRUE(reaches(looked, 5));
  rung = false;
}

// Of two that sleep, one until soon, a thing for later needs no other to look. But where the first is slow then, the
// other does.
TEST(StagePool, WhereAStepTakesLongAnotherThreadLooks) {
  std::atomic<int> looked = 0;
  std::latch may_end(1);
  StagePool pool(kClock);
  const auto soon_due = kClock.now() + 50ms;
  for (int i = 0; i < 2; ++i)
    pool.add([&](Timestamp now) -> std::optional<Timestamp> {
      if (++looked == 1) return soon_due;
      if (now >= soon_due) may_end.wait();
      return std::nullopt;
    });
  ASSERT_TRUE(reaches(looked, 2));
  pool.wake(soon_due + 1ms, 1);
  EXPECT_TRUE(reaches(looked, 4));
  EXPECT_GE(kClock.now() - soon_due, StagePool::kSlowStep);
  may_end.count_down();
}

TEST(StagePool, WhereStepsAreShortNobodyElseLooks) {
  std::atomic<int> looked = 0;
  std::atomic<int> idle = 0;
  StagePool pool(kClock);
  pool.add([&](Timestamp) -> std::optional<Timestamp> {
    ++idle;
    return std::nullopt;
  });
  ASSERT_TRUE(reaches(idle, 1));
  pool.add([&](Timestamp now) -> std::optional<Timestamp> {
    ++looked;
    return now + StagePool::kSlowStep / 20;
  });
  ASSERT_TRUE(reaches(looked, 30));
  EXPECT_EQ(idle, 1);
}

// Each comes right after the thread has found nothing more to do, when it is about to sleep.
TEST(StagePool, NoRingIsLost) {
  constexpr int kThings = 20'000;
  std::atomic<int> waiting = 0, done = 0;
  StagePool pool(kClock);
  pool.add([&](Timestamp) -> std::optional<Timestamp> {
    for (; waiting > 0; --waiting) ++done;
    return std::nullopt;
  });
  for (int thing = 1; thing <= kThings; ++thing) {
    ++waiting;
    pool.wake(kClock.now(), 1);
    ASSERT_TRUE(reaches(done, thing));
  }
}

TEST(StagePool, WaitsForTheStepsUnderWayAndBeginsNoOther) {
  std::latch begun(1), may_end(1);
  std::atomic<int> calls = 0;
  StagePool pool(kClock);
  pool.add([&](Timestamp now) -> std::optional<Timestamp> {
    ++calls;
    begun.count_down();
    may_end.wait();
    return now;
  });
  begun.wait();
  pool.request_stop();
  EXPECT_FALSE(pool.wait(std::chrono::steady_clock::now())) << "one is under way";
  may_end.count_down();
  EXPECT_TRUE(pool.wait(soon()));
  EXPECT_EQ(calls, 1);
}

// A thread that waits for what never comes, as the service manager must hear of it.
TEST(StagePool, AStepThatHangsIsNoWork) {
  std::atomic<int> calls = 0;
  std::latch hang(1);
  StagePool pool(kClock);
  pool.add([&](Timestamp) -> std::optional<Timestamp> {
    ++calls;
    hang.wait();
    return std::nullopt;
  });
  ASSERT_TRUE(reaches(calls, 1));
  const auto now = std::chrono::steady_clock::now();
  EXPECT_TRUE(pool.works(now + StagePool::kStuck - 1min));
  EXPECT_FALSE(pool.works(now + StagePool::kStuck + 1min));
  hang.count_down();
  pool.request_stop();
  ASSERT_TRUE(pool.wait(soon()));
  EXPECT_TRUE(pool.works(now + StagePool::kStuck + 1min));
}

TEST(StagePool, AStepThatTakesLongAndGoesOnIsWork) {
  const auto before = std::chrono::steady_clock::now();
  std::atomic<int> calls = 0;
  std::latch end(1);
  StagePool pool(kClock);
  pool.add([&](Timestamp) -> std::optional<Timestamp> {
    while (std::chrono::steady_clock::now() < before + 20ms) std::this_thread::yield();
    note_progress();
    ++calls;
    end.wait();
    return std::nullopt;
  });
  ASSERT_TRUE(reaches(calls, 1));
  EXPECT_TRUE(pool.works(before + StagePool::kStuck + 10ms));
  end.count_down();
}

TEST(StagePool, AThreadThatSleepsIsNotStuck) {
  std::atomic<int> calls = 0;
  StagePool pool(kClock);
  pool.add([&](Timestamp) -> std::optional<Timestamp> {
    ++calls;
    return std::nullopt;
  });
  ASSERT_TRUE(reaches(calls, 1));
  pool.wake();
  ASSERT_TRUE(reaches(calls, 2));
  pool.request_stop();
  ASSERT_TRUE(pool.wait(soon()));
  EXPECT_TRUE(pool.works(std::chrono::steady_clock::now() + 10h));
}

}  // namespace
}  // namespace mig_runner::test
