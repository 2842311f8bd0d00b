#pragma once

#include <memory>
#include <optional>

#include "api/api_client.h"
#include "stages/launch_outcome.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Finds out what became of actions that may have been posted: after a lost answer, or a crash between signing and the
// answer, it asks the API by signature whether it has the action. Nothing is posted again before that is known. One
// thread at a time; several reconcilers share a store.
class Reconciler {
 public:
  // How long an action whose answer was lost may still turn up at the API: only then is it posted again.
  static constexpr std::chrono::milliseconds kSettle = std::chrono::seconds(15);

  // `shares`: of all reconcilers; null: there is one. All outlive this.
  Reconciler(const StageContext& context, std::unique_ptr<api::ApiClient> api, const Clock& clock,
             JobShares* shares = nullptr);

  // Asks for one action. Returns when it wants to be called next; nullopt where nothing waits.
  std::optional<Timestamp> step(Timestamp now);

 private:
  void reconcile(store::Run run, Timestamp now);

  const StageContext& context_;
  std::unique_ptr<api::ApiClient> api_;
  const Clock& clock_;
  Recorder recorder_;
  LaunchOutcome outcome_{context_, recorder_};
};

}  // namespace mig_runner::stages
