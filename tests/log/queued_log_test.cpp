#include "log/queued_log.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "support/manual_clock.h"

namespace mig_runner::log {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// The messages that a sink of the test got; outlives it.
struct Seen {
  std::mutex mutex;
  std::condition_variable changed;
  bool stuck = false;
  bool begun = false;  // a message is being written
  std::vector<std::string> texts;
  int reopened = 0;

  void hang() {
    const std::lock_guard lock(mutex);
    stuck = true;
  }
  void go_on() {
    const std::lock_guard lock(mutex);
    stuck = false;
    changed.notify_all();
  }
  void await_begin() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return begun; });
  }
};

class TestSink final : public Sink {
 public:
  explicit TestSink(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}
  bool write(const Message& message) override {
    std::unique_lock lock(seen_->mutex);
    seen_->begun = true;
    seen_->changed.notify_all();
    seen_->changed.wait(lock, [&] { return !seen_->stuck; });
    seen_->texts.push_back(std::string(level_name(message.level)) + ' ' + message.text);
    return true;
  }
  void reopen() override { ++seen_->reopened; }

 private:
  const std::shared_ptr<Seen> seen_;
};

class QueuedLogTest : public testing::Test {
 protected:
  std::unique_ptr<QueuedLog> make_log() {
    return std::make_unique<QueuedLog>(Level::info, std::make_unique<TestSink>(seen), clock);
  }
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00Z").value()};
};

TEST_F(QueuedLogTest, WritesInOrderWhatItsLevelLetsThrough) {
  const auto log = make_log();
  log->info("one");
  log->debug("not this");
  log->error("two\x1b");
  log->flush(10s);
  EXPECT_THAT(seen->texts, ElementsAre("info one", "err two\\x1b"));
}

TEST_F(QueuedLogTest, CountsWhatASinkThatIsStuckLoses) {
  seen->hang();
  const auto log = make_log();
  log->info("first");
  seen->await_begin();
  const std::string large(QueuedLog::kMaxWaitingBytes / 4, 'x');
  for (int i = 0; i < 5; ++i) log->info(std::to_string(i) + large);
  log->info("last");
  seen->go_on();
  log->flush(10s);
  ASSERT_EQ(seen->texts.size(), 6U);
  EXPECT_EQ(seen->texts[0], "info first");
  EXPECT_EQ(seen->texts[1], "warning 2 messages of this log could not be written and went lost");
  EXPECT_THAT(seen->texts[2], testing::StartsWith("info 2x"));
  EXPECT_EQ(seen->texts[5], "info last");
}

TEST_F(QueuedLogTest, WritesWhatIsQueuedAtItsEnd) {
  {
    const auto log = make_log();
    for (int i = 0; i < 1000; ++i) log->info("message");
  }
  EXPECT_EQ(seen->texts.size(), 1000U);
}

TEST_F(QueuedLogTest, ASinkThatIsStuckHoldsUpNoEnd) {
  seen->hang();
  const auto begin = std::chrono::steady_clock::now();
  {
    const auto log = make_log();
    log->info("one");
    log->info("two");
    seen->await_begin();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  seen->go_on();  // the thread, left to itself, ends without the log
}

TEST_F(QueuedLogTest, ReopensOnItsThread) {
  const auto log = make_log();
  log->reopen();
  log->info("one");
  log->flush(10s);
  EXPECT_EQ(seen->reopened, 1);
}

}  // namespace
}  // namespace mig_runner::log
