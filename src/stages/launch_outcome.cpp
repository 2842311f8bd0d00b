#include "stages/launch_outcome.h"

#include <algorithm>
#include <utility>

#include "stages/retry_pause.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {

using store::RunState;

void LaunchOutcome::finish(store::Run run, RunState from, RunState state, std::string reason) {
  context_.log.write(state == RunState::skipped ? log::Level::notice : log::Level::err,
                     run.name() + ": " + std::string(store::state_name(state)) + ": " + reason);
  end(std::move(run), from, state, std::move(reason));
}

void LaunchOutcome::give_up(store::Run run, RunState from, std::string reason) {
  context_.outages.launching.failed(context_.log, log::Level::err, run.name(), run.name() + ": missed: " + reason,
                                    Outage::End::given_up);
  end(std::move(run), from, RunState::missed, std::move(reason));
}

void LaunchOutcome::end(store::Run run, RunState from, RunState state, std::string reason) {
  run.state = state;
  run.wake.reset();
  run.deadline.reset();
  run.reason = std::move(reason);
  store::Change change{from, std::move(run), {}};
  change.drop_documents = true;
  recorder_.later(std::move(change));
}

void LaunchOutcome::retry(store::Run run, RunState from, const Error& error, Timestamp now) {
  const auto settings = context_.job_settings(run.job);
  ++run.attempts;
  const auto again = next_try(now, retry_pause(kLaunchPauses, run.attempts, run.name()), error, run.deadline);
  if (settings.retries >= 0 && run.attempts > settings.retries)
    return give_up(std::move(run), from,
                   "not launched in " + std::to_string(settings.retries + 1) + " tries; last: " + error.text());
  if (run.deadline && again > *run.deadline) {
    auto reason = "not launched until its deadline " + format_utc(*run.deadline) + "; last: " + error.text();
    return give_up(std::move(run), from, std::move(reason));
  }
  put_off(std::move(run), from, error.text(), again);
}

void LaunchOutcome::put_off(store::Run run, RunState from, const std::string& why, Timestamp again) {
  run.state = RunState::due;
  run.launched_by.clear();
  run.wake = again;
  run.reason = why;
  context_.outages.launching.failed(context_.log, log::Level::warning, run.name(),
                                    run.name() + ": not launched, next try at " + format_utc(again) + ": " + run.reason,
                                    Outage::End::tried_again);
  recorder_.later({from, std::move(run), {}});
}

void LaunchOutcome::accepted(store::Run run, api::StoredAction action, Timestamp now) {
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
  if (context_.store.group() != nullptr)
    context_.launches.put(run, action.json, *run.expire_after + context_.settings.delay_results);
  context_.log.info(run.name() + ": launched as action " + std::to_string(action.id) + ", expires " +
                    format_utc(*run.expire_after));
  recorder_.later({from, std::move(run), {std::nullopt, std::move(action.json)}});
}

}  // namespace mig_runner::stages
