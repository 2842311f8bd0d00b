#pragma once

#include <string>

#include "api/api_client.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// How a try to launch a run ended: logs it and hands the run in its next state to the recorder, for its next flush().
// Belongs to one launcher or reconciler and its thread. `from` is the state in which the run was claimed.
class LaunchOutcome {
 public:
  // Both outlive this.
  LaunchOutcome(const StageContext& context, Recorder& recorder) : context_(context), recorder_(recorder) {}

  // The API has its action: the run is posted, or sent if its job is sendonly.
  void accepted(store::Run run, api::StoredAction action, Timestamp now);
  // The run has ended in `state` without an action.
  void finish(store::Run run, store::RunState from, store::RunState state, std::string reason);
  // The API does not have its action. The run is launched again after a pause, unless its retries or its time are used
  // up.
  void retry(store::Run run, store::RunState from, const Error& error, Timestamp now);
  // The same, at `again`, as if it had not been tried.
  void put_off(store::Run run, store::RunState from, const std::string& why, Timestamp again);
  // The run has missed its time for a reason for which all runs fail at the moment.
  void give_up(store::Run run, store::RunState from, std::string reason);

 private:
  void end(store::Run run, store::RunState from, store::RunState state, std::string reason);

  const StageContext& context_;
  Recorder& recorder_;
};

}  // namespace mig_runner::stages
