#include "stages/reconciler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "stages/launcher.h"
#include "stages/retry_pause.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using store::RunState;

constexpr std::array kStates{RunState::signed_, RunState::unknown};

// The reason of a run that waits for an answer.
constexpr std::string_view kCannotAsk = "the API may have taken its action, and cannot be asked for it: ";

}  // namespace

Reconciler::Reconciler(const StageContext& context, std::unique_ptr<api::ApiClient> api, const Clock& clock,
                       JobShares* shares)
    : context_(context), api_(std::move(api)), clock_(clock), recorder_(context, shares) {}

std::optional<Timestamp> Reconciler::step(Timestamp now) {
  if (const auto wait = recorder_.settle(now)) return wait;
  auto claimed = recorder_.claim(kStates, now, 1);
  if (!claimed) return recorder_.claim_again(now);
  if (claimed->empty()) return recorder_.next_claim(kStates, now);
  reconcile(std::move(claimed->front()), now);
  recorder_.flush();
  return clock_.now();
}

void Reconciler::reconcile(store::Run run, Timestamp now) {
  const auto from = run.state;
  // The runner died while it posted, nobody knows when: its request may have left just before this start. In a group it
  // may live, and wait for the answer to a request that left while it still held its lease.
  const auto group_now = context_.group_time(now);
  if (!run.posted_at)
    run.posted_at =
        group_now + (context_.store.group() == nullptr ? std::chrono::milliseconds(0) : Launcher::kSlowestPost);
  const auto wait = [&](std::string reason, Timestamp wake) {
    run.state = RunState::unknown;
    run.reason = std::move(reason);
    run.wake = wake;
    recorder_.later({from, run, {}});
  };
  ++run.attempts;
  const auto again = now + retry_pause(kLaunchPauses, run.attempts, run.name());
  const auto signatures = context_.store.signatures(run);
  if (!signatures) return wait(signatures.error().text(), again);
  // The first try is the oldest; an action is never valid from earlier than a minute before its nominal time.
  const auto since = std::min(run.nominal, *run.valid_from) - 2 * kDatedBack;
  auto found = api_->find_action(action_name(run.job), since, *signatures);
  if (!found) {
    const auto give_up = *run.expire_after + context_.job_settings(run.job).collectdeadline;
    const auto reason = std::string(kCannotAsk) + found.error().text();
    if (now > give_up) return outcome_.finish(std::move(run), from, RunState::collect_failed, reason);
    if (!run.reason.starts_with(kCannotAsk))
      context_.outages.launching.failed(context_.log, log::Level::warning, run.name(), run.name() + ": " + reason,
                                        Outage::End::tried_again);
    return wait(reason, next_try(now, again - now, found.error(), give_up));
  }
  if (*found) {
    context_.log.notice(run.name() + ": the API has its action after all");
    return outcome_.accepted(std::move(run), std::move(**found), now);
  }
  // A request that was cut off, or is still worked on, may still be on its way into the API's database.
  const auto left = *run.posted_at + kSettle - group_now;
  if (left > left.zero()) return wait(run.reason, std::min(again, now + left));
  run.attempts = static_cast<int>(signatures->size()) - 1;
  run.posted_at.reset();
  // The API can be asked again: the reason that it could not be is over.
  const auto met = run.reason.starts_with(kCannotAsk) || run.reason.empty() ? "" : ": " + run.reason;
  const Error error{"the API does not have the action of the last try" + met, {}, Retry::later, {}};
  outcome_.retry(std::move(run), from, error, now);
}

}  // namespace mig_runner::stages
