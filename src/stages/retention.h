#pragma once

#include <optional>

#include "stages/fault_latch.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Removes result files that keepresults (a count, an age, or both) no longer keeps; never one that something still
// waits for. The run stays in the history. One thread.
class Retention {
 public:
  static constexpr std::chrono::milliseconds kInterval = std::chrono::minutes(1);

  explicit Retention(const StageContext& context) : context_(context) {}

  // Looks through all jobs that set keepresults. Returns when it wants to be called next.
  std::optional<Timestamp> step(Timestamp now);

 private:
  // Errors are those of the store.
  Result<void> clean_all(Timestamp now);
  Result<void> clean(const spool::Job& job, Timestamp now);

  const StageContext& context_;
  FaultLatch trouble_;
};

}  // namespace mig_runner::stages
