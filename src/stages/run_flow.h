#pragma once

#include <map>
#include <string>

#include "mig/action.h"
#include "stages/stage_context.h"
#include "store/run.h"

namespace mig_runner::stages {

// What several stages must agree on about the way of a run.

// An action's name, by which it is found again at the API.
std::string action_name(const std::string& job);

// An action whose target is exactly a macro's name gets the macro's expression.
void expand_macro(mig::Action& action, const std::map<std::string, std::string>& macros);

// How long before its time a run is planned and made ready, so that what can be done before does not make it late.
inline constexpr std::chrono::milliseconds kAhead{500};

// The original dates actions back by a minute, so that agents whose clocks are behind accept them.
inline constexpr std::chrono::milliseconds kDatedBack = std::chrono::seconds(60);

// How long after an action was posted it is looked at first, to tell early what the API cannot do with it.
inline constexpr std::chrono::milliseconds kFirstLook = std::chrono::seconds(20);

// Puts an accepted run (action id and validity are set) on its way to the collector.
void await_results(store::Run& run, const config::JobSettings& settings, const StageSettings& stage, Timestamp now);

// Puts a run whose result file is complete on its way to the plugin.
void await_delivery(store::Run& run, Timestamp now);

// How long the action's status is left alone between two looks, where the job collects as soon as all have answered: an
// eighth of the time since it was posted, at least 5 s and at most a minute.
std::chrono::milliseconds status_pause(std::chrono::milliseconds since_posted);

// Run::reason of a run that has results, in its two parts: the remark on the results, and the plugin's last failure.
// Either may be empty.
struct ResultReason {
  std::string results, plugin;

  static ResultReason of(const store::Run& run);
  std::string text() const;  // as Run::reason
};

// Where a run goes when its result is delivered, or stored without a plugin: it ends in `settled`, unless the result is
// incomplete and may be collected once more. How often and when: kRecollections.
void settle_or_recollect(store::Run& run, store::RunState settled, Timestamp now);

}  // namespace mig_runner::stages
