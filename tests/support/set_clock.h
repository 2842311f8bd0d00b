#pragma once

#include <atomic>

#include "base/clock.h"

namespace mig_runner::test {

// The machine's clock, set by somebody.
class SetClock final : public Clock {
 public:
  Timestamp now() const override { return system_clock().now() + set_by_.load(); }
  void set_by(std::chrono::milliseconds time) { set_by_ = time; }

 private:
  std::atomic<std::chrono::milliseconds> set_by_ = std::chrono::milliseconds(0);
};

}  // namespace mig_runner::test
