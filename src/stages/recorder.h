#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stages/job_shares.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Claims runs for a stage, writes its changes to the store and keeps those that could not be written (a full disk, a
// database that is away) until they can: what was done is not forgotten while the process lives. One thread at a time.
class Recorder {
 public:
  // `shares`: of the threads that claim the same runs, one at a time each; null: this is the only one. What was claimed
  // counts as in hand until the next claim.
  explicit Recorder(const StageContext& context, JobShares* shares = nullptr) : context_(context), shares_(shares) {}

  // Claims as RunStore::claim does. Nullopt where the store failed; the first failure of any stage until it works again
  // is logged. Empty where nothing is due, or this member leaves the work to others.
  std::optional<std::vector<store::Run>> claim(std::span<const store::RunState> states, Timestamp now, int limit);

  // When a stage whose claim() failed tries again.
  Timestamp claim_again(Timestamp now) const;

  // When a stage for which claim() had nothing asks again: `ahead` before the earliest wake. Nothing: it will be woken.
  std::optional<Timestamp> next_claim(std::span<const store::RunState> states, Timestamp now,
                                      std::chrono::milliseconds ahead = {});

  // What cannot be written is kept, and an error is logged once, of all stages, until writing works again. `refused` is
  // called where it never will be: the run is somebody else's by now.
  void record(store::Change change, std::function<void()> refused = {});
  // For several that are made together: they are written by the next flush(), in one transaction where that works.
  void later(store::Change change) { gathered_.push_back(std::move(change)); }
  void flush();
  // Gives a claimed run back unchanged.
  void release(const store::Run& run);

  // Writes what is kept. A time to come back at where that fails again; a stage begins nothing new before it works.
  std::optional<Timestamp> settle(Timestamp now);

 private:
  struct Kept {
    store::Change change;
    std::function<void()> refused;
  };
  Result<std::vector<store::Run>> claim_share(std::span<const store::RunState> states, Timestamp now, int limit);
  Result<std::vector<store::Run>> look_and_claim(std::span<const store::RunState> states, Timestamp now, int limit);
  bool try_record(const Kept& kept);
  void report(const store::Run& run, const Error& error);

  const StageContext& context_;
  JobShares* const shares_;
  std::string in_hand_;              // the job that this thread works for
  std::vector<std::string> except_;  // jobs that the last claim left to other threads
  std::vector<store::Change> gathered_;
  std::vector<Kept> kept_;
  std::vector<store::Run> kept_releases_;
  int failures_ = 0;
  int failed_claims_ = 0;        // in a row
  bool left_to_others_ = false;  // by the last claim
  // The earliest wake, where the last claim saw that nothing is due.
  std::optional<std::optional<Timestamp>> next_wake_;
  int fruitless_ = 0;  // claims in a row that had nothing though something was due
};

}  // namespace mig_runner::stages
