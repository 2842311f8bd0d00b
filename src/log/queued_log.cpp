#include "log/queued_log.h"

#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"
#include "base/utf8.h"

namespace mig_runner::log {
namespace {

// Between two tries of a sink that takes no messages.
constexpr std::chrono::milliseconds kPause{2000};

std::size_t size_of(const Message& message) {
  return message.text.size() + sizeof message;
}

}  // namespace

struct QueuedLog::State {
  explicit State(std::unique_ptr<Sink> the_sink) : sink(std::move(the_sink)) {}

  const std::unique_ptr<Sink> sink;  // the thread's
  Mutex mutex;
  Condition changed;  // something is to be done
  Condition done;     // nothing is queued, or the thread has ended
  std::deque<Message> waiting GUARDED_BY(mutex);
  std::size_t bytes GUARDED_BY(mutex) = 0;  // of what waits
  std::size_t lost GUARDED_BY(mutex) = 0;   // before the first that waits
  Timestamp lost_at GUARDED_BY(mutex){};
  bool writing GUARDED_BY(mutex) = false;
  bool reopen GUARDED_BY(mutex) = false;
  bool stop GUARDED_BY(mutex) = false;
  bool abandoned GUARDED_BY(mutex) = false;
  bool ended GUARDED_BY(mutex) = false;

  bool idle() const REQUIRES(mutex) { return waiting.empty() && lost == 0 && !writing; }
  // The next to be written: what was lost is told in its place.
  std::pair<Message, std::size_t> take() REQUIRES(mutex) {
    if (lost > 0)
      return {{lost_at, Level::warning, counted(lost, "message") + " of this log could not be written and went lost"},
              std::exchange(lost, 0)};
    auto message = std::move(waiting.front());
    waiting.pop_front();
    bytes -= size_of(message);
    return {std::move(message), 0};
  }
};

QueuedLog::QueuedLog(Level level, std::unique_ptr<Sink> sink, const Clock& clock)
    : level_(level),
      clock_(clock),
      state_(std::make_shared<State>(std::move(sink))),
      thread_([state = state_] { run(*state); }) {}

QueuedLog::~QueuedLog() {
  MutexLock lock(state_->mutex);
  state_->stop = true;
  state_->changed.notify_one();
  state_->done.wait_for(lock, kFlushAtEnd, [&]() REQUIRES(state_->mutex) { return state_->ended; });
  state_->abandoned = true;
  const bool ended = state_->ended;
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void QueuedLog::write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  Message made{clock_.now(), level, printable(message)};
  const MutexLock lock(state_->mutex);
  state_->bytes += size_of(made);
  state_->waiting.push_back(std::move(made));
  while (state_->bytes > kMaxWaitingBytes) {
    const auto& oldest = state_->waiting.front();
    state_->lost_at = oldest.time;
    state_->bytes -= size_of(oldest);
    state_->waiting.pop_front();
    ++state_->lost;
  }
  state_->changed.notify_one();
}

void QueuedLog::reopen() {
  const MutexLock lock(state_->mutex);
  state_->reopen = true;
  state_->changed.notify_one();
}

void QueuedLog::flush(std::chrono::milliseconds longest) {
  MutexLock lock(state_->mutex);
  state_->done.wait_for(lock, longest, [&]() REQUIRES(state_->mutex) { return state_->ended || state_->idle(); });
}

void QueuedLog::run(State& state) {
  MutexLock lock(state.mutex);
  while (!state.abandoned) {
    if (std::exchange(state.reopen, false)) {
      lock.unlock();
      state.sink->reopen();
      lock.lock();
      continue;
    }
    if (state.idle()) {
      state.done.notify_all();
      if (state.stop) break;
      state.changed.wait(lock);
      continue;
    }
    auto [message, losses] = state.take();
    state.writing = true;
    lock.unlock();
    const bool written = state.sink->write(message);
    lock.lock();
    state.writing = false;
    if (written) continue;
    if (state.stop) break;
    if (losses > 0 || state.lost > 0) {
      // It would come after what was lost since.
      state.lost += losses > 0 ? losses : 1;
    } else {
      state.bytes += size_of(message);
      state.waiting.push_front(std::move(message));
    }
    state.changed.wait_for(lock, kPause, [&]() REQUIRES(state.mutex) { return state.stop || state.reopen; });
  }
  state.ended = true;
  state.done.notify_all();
}

}  // namespace mig_runner::log
