#include "stages/readiness.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "stages/retry_pause.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using store::RunState;
using Kind = Readiness::Decision::Kind;

// How long after the results were due an action may still be waiting for the API's scheduler.
constexpr std::chrono::minutes kNotStarted{10};
// Looks at an action that the scheduler has not taken up, after the first one, before it is left alone until it is due.
constexpr std::chrono::seconds kBetweenLooks{20};
constexpr std::chrono::seconds kEarlyLooks{60};
// A target that the API could use is not asked about again for so long, whatever run has it.
constexpr std::chrono::minutes kTargetIsGood{10};
constexpr std::size_t kMostTargets = 1000;
// Looks, from 2 s to 30 s apart, for the commands that have not ended or are not listed: four and a half minutes.
constexpr int kMostLooks = 12;
// How often commands are read again where the API counts all as ended and lists some of them otherwise.
constexpr int kMoreReadings = 3;
constexpr int kLooksBeforeReadings = kMostLooks - kMoreReadings;

constexpr std::string_view kCannotUse = "the API cannot use its target";
constexpr std::string_view kNotTakenUp = "the API's scheduler has not taken it up yet";

bool waits_for_scheduler(const std::string& status) {
  return status == "pending" || status == "scheduled";
}

// While it is preparing, commands are still being added.
bool all_answered(const api::ActionStatus& status) {
  const bool all_there = status.status == "inflight" || status.status == "completed" || status.status == "expired";
  return all_there && status.sent > 0 && status.done >= status.sent;
}

bool target_was_looked_at(const store::Run& run) {
  return run.reason.starts_with(kCannotUse) || run.reason == kNotTakenUp;
}

bool could_be_macro(const std::string& target) {
  return !target.empty() && std::all_of(target.begin(), target.end(), [](char c) {
    return c == '_' || c == '-' || (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
  });
}

}  // namespace

Timestamp Readiness::due_at(const store::Run& run) const {
  return *run.expire_after + context_.settings.delay_results;
}

bool Readiness::collects_when_completed(const store::Run& run) const {
  return context_.job_settings(run.job).collect == config::CollectWhen::completed;
}

Readiness::Decision Readiness::before_reading(store::Run& run, const api::ActionStatus& status, Timestamp now) {
  if (status.status == "invalid") return {};
  if (now < due_at(run)) return before_it_is_due(run, status, now);
  const bool begun = status.sent > 0 || !(waits_for_scheduler(status.status) || status.status == "preparing");
  if (!begun) return not_sent(run, status, now);
  const bool all_ended = status.status != "preparing" && status.done >= status.sent;
  if (all_ended || run.failures >= kMostLooks) return {};
  const auto progress = std::to_string(status.done) + " of " + counted(status.sent, "command") + " have ended";
  return look_soon(run, progress, run.failures, now);
}

Readiness::Decision Readiness::before_it_is_due(store::Run& run, const api::ActionStatus& status, Timestamp now) {
  if (collects_when_completed(run) && all_answered(status)) return {};
  const auto looked_at = run.posted_at.value_or(now) + kFirstLook <= now;
  if (waits_for_scheduler(status.status) && looked_at) look_at_target(run, status.target, now);
  return {Kind::look_again, waits_for_scheduler(status.status) ? run.reason : "", next_look(run, status, now)};
}

// No agent was asked yet.
Readiness::Decision Readiness::not_sent(store::Run& run, const api::ActionStatus& status, Timestamp now) {
  if (waits_for_scheduler(status.status) && is_refused_again(run, status.target, now))
    return {Kind::end, run.reason, {}, RunState::invalid};
  if (now > due_at(run) + kNotStarted)
    return {Kind::end,
            "the API never sent it to an agent (status " + status.status +
                "): check that its target is a valid condition: \"" + status.target + "\"",
            {},
            RunState::invalid};
  ++run.attempts;
  const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
  const bool refused = run.reason.starts_with(kCannotUse);
  return {Kind::look_again,
          refused ? run.reason : "the API has not sent it to any agent yet (status " + status.status + ")", again};
}

// The API words the troubles of its database as it words a bad target: only two refusals with time between them end the
// run.
bool Readiness::is_refused_again(store::Run& run, const std::string& target, Timestamp now) {
  const bool was_refused = run.reason.starts_with(kCannotUse);
  const auto before = std::exchange(run.reason, {});
  look_at_target(run, target, now, before);
  if (run.reason.empty()) run.reason = before;  // it could not be asked
  return was_refused && run.reason.starts_with(kCannotUse);
}

// Before it is due.
Timestamp Readiness::next_look(const store::Run& run, const api::ActionStatus& status, Timestamp now) const {
  const auto since_posted = now - run.posted_at.value_or(now);
  const auto due = due_at(run);
  if (collects_when_completed(run)) return std::min(due, now + status_pause(since_posted));
  const bool again = waits_for_scheduler(status.status) && !target_was_looked_at(run) && since_posted < kEarlyLooks;
  return again ? std::min(due, now + kBetweenLooks) : due;
}

// Asks the API what it makes of the target of an action that its scheduler has not taken up, once a run: all agents
// that it matches come in the answer.
void Readiness::look_at_target(store::Run& run, const std::string& target, Timestamp now, std::string_view told) {
  if (target_was_looked_at(run)) return;
  const auto good = good_targets_.find(target);
  const bool known = good != good_targets_.end() && std::chrono::abs(now - good->second) < kTargetIsGood;
  const auto usable = known ? Result<void>() : api_.try_target(target);
  if (usable) {
    if (good_targets_.size() >= kMostTargets) good_targets_.clear();
    if (!known) good_targets_[target] = now;
    run.reason = kNotTakenUp;
    return;
  }
  const auto complaint = api::target_complaint(usable.error());
  if (!complaint) return;  // it could not be asked
  run.reason = std::string(kCannotUse) + " \"" + target + "\": " + *complaint;
  if (could_be_macro(target)) run.reason += "; no macro of this name is defined";
  if (run.reason != told) context_.log.warning(run.name() + ": " + run.reason);
}

Readiness::Decision Readiness::after_reading(store::Run& run, const api::ActionStatus& status, const Tally& tally,
                                             const std::vector<api::UnreadableCommand>& unreadable,
                                             Timestamp now) const {
  const auto for_good =
      std::count_if(unreadable.begin(), unreadable.end(), [](const auto& command) { return !command.may_pass; });
  const auto there = tally.commands() + for_good;
  if (there >= status.sent && tally.ended() >= tally.commands()) return {};
  if (now < due_at(run)) return {Kind::look_again, "", next_look(run, status, now)};
  if (run.failures < kMostLooks) {
    // Reading them all is dear: where some are listed, no more than a few times, after short pauses.
    if (there > 0) run.failures = std::max(run.failures, kLooksBeforeReadings);
    const auto pauses = there > 0 ? run.failures - kLooksBeforeReadings : run.failures;
    return look_soon(run, tally.progress(status.sent), pauses, now);
  }
  if (there > 0) return {};
  return {Kind::end,
          "the API counts " + counted(status.sent, "command") +
              " of its action and lists 0: it lists none for an action whose signature is missing in its database, so "
              "that its results cannot be collected",
          {},
          RunState::collect_failed};
}

// Told once; each try is in the run's reason. `pauses`: how many there were before this one, each longer than the last.
Readiness::Decision Readiness::look_soon(store::Run& run, const std::string& why, int pauses, Timestamp now) const {
  run.attempts = 0;  // the API answers
  ++run.failures;
  const auto again = now + retry_pause(kAnswerPauses, pauses + 1, run.name());
  if (pauses == 0) context_.log.info(run.name() + ": " + why + "; looking again from " + format_utc(again) + " on");
  return {Kind::look_again, why, again};
}

}  // namespace mig_runner::stages
