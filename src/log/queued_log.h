#pragma once

#include <memory>
#include <thread>

#include "log/sinks.h"

namespace mig_runner::log {

// Puts messages into a queue of at most kMaxWaitingBytes, from which a thread writes them to the sink, in order: a sink
// that is slow, stuck or away holds up nobody. Where the queue is full the oldest message is dropped; how many were is
// told in their place as soon as the sink takes messages again.
class QueuedLog final : public Log {
 public:
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{8} << 20U;
  // How long the destructor waits for what is queued. After that the thread, if it is stuck, is left to itself.
  static constexpr std::chrono::milliseconds kFlushAtEnd{500};

  QueuedLog(Level level, std::unique_ptr<Sink> sink, const Clock& clock);
  ~QueuedLog() override;
  QueuedLog(const QueuedLog&) = delete;
  QueuedLog& operator=(const QueuedLog&) = delete;

  bool enabled(Level level) const override { return level <= level_; }
  void write(Level level, std::string_view message) override;
  void reopen() override;
  void flush(std::chrono::milliseconds longest) override;

 private:
  struct State;
  static void run(State& state);

  const Level level_;
  const Clock& clock_;
  const std::shared_ptr<State> state_;  // the thread's too
  std::thread thread_;
};

}  // namespace mig_runner::log
