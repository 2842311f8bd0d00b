#include "stages/run_flow.h"

#include <algorithm>
#include <array>

#include "stages/retry_pause.h"

namespace mig_runner::stages {
namespace {

// When an incomplete result is collected again, after it was stored.
constexpr std::array<std::chrono::minutes, 3> kRecollections{std::chrono::minutes(10), std::chrono::minutes(60),
                                                             std::chrono::minutes(360)};

}  // namespace

std::chrono::milliseconds status_pause(std::chrono::milliseconds since_posted) {
  using std::chrono::milliseconds;
  return std::clamp(since_posted / 8, milliseconds(5'000), milliseconds(60'000));
}

std::string action_name(const std::string& job) {
  return "mig-runner: " + job;
}

void expand_macro(mig::Action& action, const std::map<std::string, std::string>& macros) {
  if (const auto macro = macros.find(action.target()); macro != macros.end()) action.set_target(macro->second);
}

void await_results(store::Run& run, const config::JobSettings& settings, const StageSettings& stage, Timestamp now) {
  const auto ready = *run.expire_after + stage.delay_results;
  run.state = store::RunState::posted;
  run.attempts = 0;
  run.reason.clear();
  run.failures = 0;
  // Many that were launched together do not come back together.
  const auto first_look = settings.collect == config::CollectWhen::completed
                              ? status_pause({})
                              : kFirstLook + spread(run.name(), kFirstLook / 4);
  run.wake = std::min(ready, now + first_look);
  run.deadline = ready + settings.collectdeadline;
}

// The plugin's part comes last and begins with its name.
ResultReason ResultReason::of(const store::Run& run) {
  const auto marker = "plugin " + run.plugin + ": ";
  if (run.plugin.empty()) return {run.reason, ""};
  if (run.reason.starts_with(marker)) return {"", run.reason};
  const auto at = run.reason.find("; " + marker);
  if (at == std::string::npos) return {run.reason, ""};
  return {run.reason.substr(0, at), run.reason.substr(at + 2)};
}

std::string ResultReason::text() const {
  return results + (results.empty() || plugin.empty() ? "" : "; ") + plugin;
}

void await_delivery(store::Run& run, Timestamp now) {
  run.state = store::RunState::stored;
  run.attempts = 0;
  run.wake = now;
  run.deadline.reset();
}

void settle_or_recollect(store::Run& run, store::RunState settled, Timestamp now) {
  run.state = settled;
  run.attempts = 0;
  run.wake.reset();
  run.deadline.reset();
  const auto done = static_cast<std::size_t>(std::max(run.recollections, 0));
  if (run.complete || done >= kRecollections.size()) return;
  run.state = store::RunState::posted;
  run.wake = now + kRecollections[done];
  run.deadline = *run.wake + std::chrono::hours(24);
}

}  // namespace mig_runner::stages
