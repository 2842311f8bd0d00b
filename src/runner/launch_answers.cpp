// What becomes of a run by what the API says of its action, or did not say.

#include <algorithm>
#include <utility>

#include "runner/launcher.h"
#include "runner/retry_pause.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {

using store::RunState;

namespace {

// The reason of a run that waits for an answer.
constexpr std::string_view kCannotAsk = "the API may have taken its action, and cannot be asked for it: ";

// The reason of a run whose signature the API refused: it is signed anew once, not twice in a row.
constexpr std::string_view kSignedAnew = "the API cannot verify its signature, so it is signed anew: ";

// The end of an outage by an answer that does not take the action.
constexpr auto kAnswersAgain = "The API answers launches again";

}  // namespace

void Launcher::answered(store::Run run, Result<api::StoredAction> stored) {
  const auto now = clock_.now();
  if (stored) return accepted(std::move(run), std::move(*stored), now);
  const auto& error = stored.error();
  if (error.retry == Retry::no || error.retry == Retry::anew)
    context_.outages.launching.worked(context_.log, run.name(), kAnswersAgain);
  if (error.retry == Retry::anew && !run.reason.starts_with(kSignedAnew))
    return put_off(std::move(run), RunState::signed_, std::string(kSignedAnew) + error.text(),
                   now + kLaunchPauses.first);
  if (error.retry == Retry::no || error.retry == Retry::anew)
    return finish(std::move(run), RunState::signed_, RunState::refused, error.text());
  if (error.retry == Retry::later) return retry(std::move(run), RunState::signed_, error, now);

  context_.outages.launching.failed(
      context_.log, log::Level::warning, run.name(),
      run.name() + ": the API may have taken its action; asking it before anything else: " + error.text(),
      Outage::End::tried_again);
  run.state = RunState::unknown;
  run.attempts = 0;
  run.posted_at = context_.group_time(now);
  run.reason = error.text();
  run.wake = next_try(now, retry_pause(kLaunchPauses, 1, run.name()), error, run.deadline);
  recorder_.later({RunState::signed_, std::move(run), {}});
}

void Launcher::accepted(store::Run run, api::StoredAction action, Timestamp now) {
  context_.outages.launching.worked(context_.log, run.name());
  const auto from = run.state;
  const auto job = context_.jobs.find(run.job);
  run.action_id = action.id;
  run.posted_at = now;
  if (job && job->config.sendonly) {
    run.state = RunState::sent;
    run.reason.clear();
    run.wake.reset();
    run.deadline.reset();
    context_.log.info(run.name() + ": launched as action " + std::to_string(action.id) + " (sendonly)");
    store::Change change{from, std::move(run), {}};
    change.drop_documents = true;
    recorder_.later(std::move(change));
    return;
  }
  await_results(run, context_.job_settings(run.job), context_.settings, now);
  if (!context_.store.tree().empty())
    context_.launches.put(run, action.json, *run.expire_after + context_.settings.delay_results);
  context_.log.info(run.name() + ": launched as action " + std::to_string(action.id) + ", expires " +
                    format_utc(*run.expire_after));
  recorder_.later({from, std::move(run), {std::nullopt, std::move(action.json)}});
}

void Launcher::reconcile(store::Run run, Timestamp now) {
  const auto from = run.state;
  // The runner died while it posted, nobody knows when: its request may have left just before this start. In a group it
  // may live, and wait for the answer to a request that left while it still held its lease.
  const auto group_now = context_.group_time(now);
  if (!run.posted_at)
    run.posted_at = group_now + (context_.store.tree().empty() ? std::chrono::milliseconds(0) : kSlowestPost);
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
    if (now > give_up) return finish(std::move(run), from, RunState::collect_failed, reason);
    if (!run.reason.starts_with(kCannotAsk))
      context_.outages.launching.failed(context_.log, log::Level::warning, run.name(), run.name() + ": " + reason,
                                        Outage::End::tried_again);
    return wait(reason, next_try(now, again - now, found.error(), give_up));
  }
  if (*found) {
    context_.log.notice(run.name() + ": the API has its action after all");
    return accepted(std::move(run), std::move(**found), now);
  }
  // A request that was cut off, or is still worked on, may still be on its way into the API's database.
  const auto left = *run.posted_at + kSettle - group_now;
  if (left > left.zero()) return wait(run.reason, std::min(again, now + left));
  run.attempts = static_cast<int>(signatures->size()) - 1;
  run.posted_at.reset();
  // The API can be asked again: the reason that it could not be is over.
  const auto met = run.reason.starts_with(kCannotAsk) || run.reason.empty() ? "" : ": " + run.reason;
  const Error error{"the API does not have the action of the last try" + met, {}, Retry::later, {}};
  retry(std::move(run), from, error, now);
}

}  // namespace mig_runner::runner
