#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "sign/signer.h"
#include "stages/launch_outcome.h"
#include "stages/launch_rate.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Signs and posts due runs, each at most once. The signature is stored before the action is posted; after a lost answer
// (or a crash between the two) the reconciler finds out whether the API has the action. One thread at a time; several
// launchers share a store and a launch rate. An API that is slow to answer for one run must not keep another waiting:
// a launcher that waits gives back the runs that would become late.
//
// Runs are claimed and signed in memory up to kAhead before they are due, so that at their time they only have to be
// written down and sent; those that are due together are written down together and sent side by side.
class Launcher {
 public:
  // Of the runs that it takes up.
  static constexpr std::array kStates{store::RunState::due};
  // How late a run may become in the hands of a launcher that waits for the API.
  static constexpr std::chrono::milliseconds kPatience{250};
  // How many runs one launcher has in hand, and posts at the same time.
  static constexpr std::size_t kMostClaimed = 16;
  // How long a post may go on, as ApiClient gives it up.
  static constexpr std::chrono::milliseconds kSlowestPost = std::chrono::seconds(30);

  // All outlive this.
  Launcher(const StageContext& context, std::unique_ptr<api::ApiClient> api, std::unique_ptr<sign::Signer> signer,
           LaunchRate& rate, const Clock& clock);

  // Launches some runs that are due. Returns when it wants to be called next: at once where it did
  // something, nullopt where nothing waits.
  std::optional<Timestamp> step(Timestamp now);

 private:
  // A claimed run. Its action is signed once `job` is there, the form of the job that it was made of.
  struct ClaimedRun {
    store::Run run;
    spool::JobPtr claimed_for;  // the form of the job at that moment
    spool::JobPtr job;
    api::Posting posting;
    bool tried_ahead = false;
  };

  std::optional<Timestamp> claim(Timestamp now, std::size_t most);
  bool sign_ahead();
  std::vector<ClaimedRun> take_due(Timestamp now);
  void launch(std::vector<ClaimedRun> due, Timestamp now);
  bool is_for_others(const ClaimedRun& claimed, const spool::JobPtr& job, Timestamp now) const;
  bool make_ready(ClaimedRun& claimed, Timestamp now);
  Result<void> sign(ClaimedRun& claimed, const spool::JobPtr& job, Timestamp start);
  bool is_paused(const store::Run& run);
  std::vector<ClaimedRun> record_signed(std::vector<ClaimedRun> ready, Timestamp now);
  void post(std::vector<ClaimedRun> ready, std::uint64_t term);
  void release_late(Timestamp now);
  void release_claimed();
  void answered(store::Run run, Result<api::StoredAction> stored);
  void wait_for_mending(store::Run run, const std::string& objection, Timestamp now);
  bool may_launch(store::Run& run, const spool::JobPtr& job, Timestamp now);

  const StageContext& context_;
  std::unique_ptr<api::ApiClient> api_;
  std::unique_ptr<sign::Signer> signer_;
  LaunchRate& rate_;
  const Clock& clock_;
  Recorder recorder_;
  LaunchOutcome outcome_{context_, recorder_};
  std::vector<ClaimedRun> claimed_;  // earliest wake first
  int unwritten_ = 0;                // how often in a row signed actions could not be written down
};

}  // namespace mig_runner::stages
