#pragma once

#include <atomic>

#include "base/clock.h"

namespace mig_runner::test {

// A clock that only moves when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp now() const override { return now_.load(); }
  void set(Timestamp time) { now_ = time; }
  void advance(std::chrono::milliseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<Timestamp> now_;
};

}  // namespace mig_runner::test
