#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>

#include "base/mutex.h"
#include "log/log.h"
#include "stages/fault_latch.h"

namespace mig_runner::stages {

// A trouble of a stage that makes its runs fail one after the other, such as an API that is away: the first failure is
// told, the others are counted until a run of the stage succeeds again, and told then. The store keeps the reason of
// each run. Safe from any thread.
class Outage {
 public:
  // `again`: how its end is told, before the counts.
  explicit Outage(std::string again) : again_(std::move(again)) {}

  enum class End { tried_again, given_up };

  // A failure of `run`: `text` is logged where it is the first, else only at level debug.
  void failed(log::Log& log, log::Level level, const std::string& run, const std::string& text, End end);
  // `run` succeeded: the end is told, with what was counted. But if only a few other runs have failed, the trouble is
  // theirs, not the stage's: nothing has ended, and their next failure is told again.
  // Empty: what worked concerns all runs. `again`: instead of the outage's own, where that is not true of this run.
  void worked(log::Log& log, const std::string& run = {}, const std::string& again = {});

 private:
  const std::string again_;
  std::atomic<bool> there_ = false;
  Mutex mutex_;
  std::set<std::string> runs_ GUARDED_BY(mutex_);
  std::int64_t failures_ GUARDED_BY(mutex_) = 0;
  std::int64_t given_up_ GUARDED_BY(mutex_) = 0;
};

// The troubles that keep all runs of a stage waiting.
struct Outages {
  FaultLatch claiming;
  Outage writing{"The state of runs can be written again"};
  Outage launching{"Actions are launched again"};
  Outage collecting{"Results are collected again"};
  Outage keeping{"Results can be written to the disk again"};
};

}  // namespace mig_runner::stages
