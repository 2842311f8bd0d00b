#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"
#include "log/log.h"

namespace mig_runner::daemon {

// A log whose sink can be exchanged while stages hold a reference to it. Safe from any thread.
class SwitchableLog final : public log::Log {
 public:
  explicit SwitchableLog(std::shared_ptr<log::Log> sink) : sink_(std::move(sink)) {}

  bool enabled(log::Level level) const override { return sink()->enabled(level); }
  void write(log::Level level, std::string_view message) override { sink()->write(level, message); }
  void reopen() override { sink()->reopen(); }
  void flush(std::chrono::milliseconds longest) override { sink()->flush(longest); }
  void exchange(std::shared_ptr<log::Log> sink) {
    const MutexLock lock(mutex_);
    sink_ = std::move(sink);
  }

 private:
  std::shared_ptr<log::Log> sink() const {
    const MutexLock lock(mutex_);
    return sink_;
  }
  mutable Mutex mutex_;
  std::shared_ptr<log::Log> sink_ GUARDED_BY(mutex_);
};

}  // namespace mig_runner::daemon
