#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "runner/launch_rate.h"
#include "runner/recorder.h"
#include "runner/stage_context.h"
#include "sign/signer.h"

namespace mig_runner::runner {

// Signs and posts due runs, each at most once. The signature is stored before the action is posted; after a lost answer
// (or a crash between the two) the API is asked, by signature, whether it has the action, and nothing is posted again
// before that is known. One thread at a time; several launchers share a store and a launch rate. An API that is slow to
// answer one thing must not keep another waiting: launching and reconciling are for launchers of their own, and runs
// that would become late in the hands of one that waits are given back.
//
// Runs are claimed and signed in memory up to kAhead before they are due, so that at their time they only have to be
// written down and sent; those that are due together are written down together and sent side by side.
class Launcher {
 public:
  // What is new, and what may have been posted.
  static constexpr std::array kToLaunch{store::RunState::due};
  static constexpr std::array kToReconcile{store::RunState::signed_, store::RunState::unknown};
  // How late a run may become in the hands of a launcher that waits for the API.
  static constexpr std::chrono::milliseconds kPatience{250};
  // How many runs one launcher has in hand, and posts at the same time, where it has no shares.
  static constexpr std::size_t kMostHeld = 16;
  // How long an action whose answer was lost may still turn up at the API: only then is it posted again.
  static constexpr std::chrono::milliseconds kSettle = std::chrono::seconds(15);
  // How long a post may go on, as ApiClient gives it up.
  static constexpr std::chrono::milliseconds kSlowestPost = std::chrono::seconds(30);

  // `states`: of the runs that it takes up, of those above; they outlive it. `shares`: of all launchers for these
  // states; null: none, for launches, of which a job has but one at a time.
  Launcher(const StageContext& context, std::unique_ptr<api::ApiClient> api, std::unique_ptr<sign::Signer> signer,
           LaunchRate& rate, const Clock& clock, std::span<const store::RunState> states, JobShares* shares = nullptr);

  // Launches or reconciles some runs that are due. Returns when it wants to be called next: at once where it did
  // something, nullopt where nothing waits.
  std::optional<Timestamp> step(Timestamp now);

 private:
  // A claimed run. Its action is signed once `job` is there, the form of the job that it was made of.
  struct Held {
    store::Run run;
    spool::JobPtr claimed_for;  // the form of the job at that moment
    spool::JobPtr job;
    api::Posting posting;
    bool tried_ahead = false;
  };

  std::optional<Timestamp> claim(Timestamp now, std::size_t most);
  bool sign_ahead();
  std::vector<Held> take_due(Timestamp now);
  void launch(std::vector<Held> due, Timestamp now);
  bool is_for_others(const Held& held, const spool::JobPtr& job, Timestamp now) const;
  bool make_ready(Held& held, Timestamp now);
  Result<void> sign(Held& held, const spool::JobPtr& job, Timestamp start);
  bool is_paused(const store::Run& run);
  std::vector<Held> record_signed(std::vector<Held> ready, Timestamp now);
  void post(std::vector<Held> ready, std::uint64_t term);
  void give_back_late(Timestamp now);
  void give_back_held();
  void answered(store::Run run, Result<api::StoredAction> stored);
  void reconcile(store::Run run, Timestamp now);
  void wait_for_mending(store::Run run, const std::string& objection, Timestamp now);
  bool may_launch(store::Run& run, const spool::JobPtr& job, Timestamp now);
  void accepted(store::Run run, api::StoredAction action, Timestamp now);
  void finish(store::Run run, store::RunState from, store::RunState state, std::string reason);
  void end(store::Run run, store::RunState from, store::RunState state, std::string reason);
  void give_up(store::Run run, store::RunState from, std::string reason);
  void retry(store::Run run, store::RunState from, const Error& error, Timestamp now);
  void put_off(store::Run run, store::RunState from, const std::string& why, Timestamp again);

  const StageContext& context_;
  std::unique_ptr<api::ApiClient> api_;
  std::unique_ptr<sign::Signer> signer_;
  LaunchRate& rate_;
  const Clock& clock_;
  const std::span<const store::RunState> states_;
  const std::size_t most_held_;
  Recorder recorder_;
  std::vector<Held> held_;  // earliest wake first
  int unwritten_ = 0;       // how often in a row signed actions could not be written down
};

}  // namespace mig_runner::runner
