#pragma once

#include "base/time.h"

namespace mig_runner {

// Where the time comes from. Nothing below the loop reads a clock by itself; tests pass one that they move.
// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time, UTC; may jump either way.
  virtual Timestamp now() const = 0;
};

// The machine's.
const Clock& system_clock();

}  // namespace mig_runner
