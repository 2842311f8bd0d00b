#include "base/clock.h"

namespace mig_runner {

Timestamp SystemClock::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace mig_runner
