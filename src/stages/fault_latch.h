#pragma once

#include <atomic>

namespace mig_runner::stages {

// A trouble that many threads meet and that is told once. Safe from any thread.
class FaultLatch {
 public:
  // True for the first that meets it.
  bool begins() { return !there_.exchange(true); }
  // True for the first that finds it gone.
  bool ends() { return there_ && there_.exchange(false); }

 private:
  std::atomic<bool> there_ = false;
};

}  // namespace mig_runner::stages
