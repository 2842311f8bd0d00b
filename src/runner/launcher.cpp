#include "runner/launcher.h"

#include <algorithm>
#include <array>

#include "mig/action.h"
#include "runner/retry_pause.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

using store::RunState;

constexpr std::array kLaunchStates{RunState::due, RunState::signed_, RunState::unknown};

Timestamp signed_at(const store::Run& run) {
  return *run.valid_from + kDatedBack;
}

}  // namespace

Launcher::Launcher(const StageContext& context, std::unique_ptr<api::ApiClient> api,
                   std::unique_ptr<sign::Signer> signer, LaunchRate& rate, const Clock& clock)
    : context_(context),
      api_(std::move(api)),
      signer_(std::move(signer)),
      rate_(rate),
      clock_(clock),
      recorder_(context) {}

std::optional<Timestamp> Launcher::step(Timestamp now) {
  if (const auto wait = recorder_.settle(now)) return wait;
  auto claimed = context_.store.claim(kLaunchStates, now, 1);
  if (!claimed) {
    context_.log.error("Due runs cannot be read: " + claimed.error().text());
    return now + kStoragePauses.longest;
  }
  if (claimed->empty()) return context_.store.next_wake(kLaunchStates).value_or(now + kStoragePauses.longest);
  handle(std::move(claimed->front()), now);
  return clock_.now();
}

void Launcher::handle(store::Run run, Timestamp now) {
  if (run.state == RunState::due) return launch(std::move(run), now);
  reconcile(std::move(run), now);
}

void Launcher::finish(store::Run run, RunState from, RunState state, std::string reason) {
  run.state = state;
  run.wake.reset();
  run.deadline.reset();
  run.reason = std::move(reason);
  context_.log.write(state == RunState::skipped ? log::Level::notice : log::Level::err,
                     run.name() + ": " + std::string(store::state_name(state)) + ": " + run.reason);
  store::Change change{from, std::move(run), {}};
  change.drop_documents = true;
  recorder_.record(std::move(change));
}

void Launcher::retry(store::Run run, RunState from, const Error& error, Timestamp now) {
  const auto settings = context_.job_settings(run.job);
  ++run.attempts;
  const auto again = now + retry_pause(kLaunchPauses, run.attempts, run.name());
  if (settings.retries >= 0 && run.attempts > settings.retries)
    return finish(std::move(run), from, RunState::missed,
                  "not launched in " + std::to_string(settings.retries + 1) + " tries; last: " + error.text());
  if (run.deadline && again > *run.deadline)
    return finish(std::move(run), from, RunState::missed,
                  "not launched until its deadline " + format_utc(*run.deadline) + "; last: " + error.text());
  run.state = RunState::due;
  run.wake = again;
  run.reason = error.text();
  context_.log.warning(run.name() + ": not launched, next try at " + format_utc(again) + ": " + run.reason);
  recorder_.record({from, std::move(run), {}});
}

bool Launcher::may_launch(store::Run& run, const spool::JobPtr& job, Timestamp now) {
  const auto end = [&](RunState state, std::string reason) {
    finish(std::move(run), RunState::due, state, std::move(reason));
    return false;
  };
  if (!job) return end(RunState::skipped, "its job was removed before it was launched");
  const auto& settings = job->config.settings;
  if (!settings.enabled) return end(RunState::skipped, "its job was disabled before it was launched");
  const auto paused = context_.jobs.paused_since(run.job);
  if (paused && run.nominal <= *paused) return end(RunState::skipped, "its job was paused before it was launched");
  const auto punctual = run.nominal + settings.splay + std::chrono::minutes(1);
  if (run.deadline && now > *run.deadline && (run.attempts > 0 || now > punctual))
    return end(RunState::missed, "not launched until its deadline " + format_utc(*run.deadline) +
                                     (run.reason.empty() ? "" : "; last: " + run.reason));
  if (settings.overlap == config::Overlap::forbid) {
    const auto unfinished = context_.store.has_unfinished(run.job, run.number);
    if (!unfinished) {
      retry(std::move(run), RunState::due, unfinished.error(), now);
      return false;
    }
    if (*unfinished) return end(RunState::skipped, "an earlier run of the job is not collected yet (overlap = forbid)");
  }
  const auto answer = rate_.ask(now);
  if (!answer.wait_until) return true;
  if (answer.first_refusal)
    context_.log.warning("More than " + std::to_string(context_.settings.max_launches_per_minute) +
                         " launches within a minute (maxlaunchesperminute): further runs wait for their turn.");
  run.wake = *answer.wait_until;
  recorder_.record({RunState::due, run, {}});
  return false;
}

void Launcher::launch(store::Run run, Timestamp now) {
  const auto job = context_.jobs.find(run.job);
  if (!may_launch(run, job, now)) return;

  auto action = job->action;
  expand_macro(action, context_.settings.macros);
  run.valid_from = now - kDatedBack;
  run.expire_after = now + job->config.expiry;
  if (const auto prepared = action.prepare(action_name(run.job), *run.valid_from, *run.expire_after); !prepared)
    return finish(std::move(run), RunState::due, RunState::refused, prepared.error().text());
  auto signature = signer_->sign(action.signed_text());
  if (!signature) return retry(std::move(run), RunState::due, signature.error(), now);
  const auto document = action.document({&*signature, 1});

  run.state = RunState::signed_;
  run.plugin = job->config.plugin;
  run.wake = now;
  store::Change change{RunState::due, run, {document, *signature, std::nullopt}};
  change.keep_claim = true;
  if (const auto recorded = context_.store.record({&change, 1}); !recorded) {
    context_.log.error(run.name() + ": not launched, since its state cannot be written: " + recorded.error().text());
    return recorder_.release(run);
  }
  post(std::move(run), document);
}

void Launcher::post(store::Run run, const std::string& document) {
  auto stored = api_->post_action(document);
  const auto now = clock_.now();
  if (stored) return accepted(std::move(run), context_.jobs.find(run.job), std::move(*stored), now);
  const auto& error = stored.error();
  if (error.retry == Retry::no) return finish(std::move(run), RunState::signed_, RunState::refused, error.text());
  if (error.retry == Retry::later) return retry(std::move(run), RunState::signed_, error, now);

  context_.log.warning(run.name() +
                       ": the answer to its launch was lost; asking the API before anything else: " + error.text());
  run.state = RunState::unknown;
  run.attempts = 0;
  run.posted_at = now;
  run.reason = error.text();
  run.wake = now + retry_pause(kLaunchPauses, 1, run.name());
  recorder_.record({RunState::signed_, std::move(run), {}});
}

void Launcher::accepted(store::Run run, const spool::JobPtr& job, api::StoredAction action, Timestamp now) {
  const auto from = run.state;
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
    recorder_.record(std::move(change));
    return;
  }
  await_results(run, context_.job_settings(run.job), context_.settings, now);
  context_.log.info(run.name() + ": launched as action " + std::to_string(action.id) + ", expires " +
                    format_utc(*run.expire_after));
  recorder_.record({from, std::move(run), {std::nullopt, std::nullopt, std::move(action.json)}});
}

void Launcher::reconcile(store::Run run, Timestamp now) {
  const auto from = run.state;
  const auto wait = [&](std::string reason, Timestamp wake) {
    run.state = RunState::unknown;
    run.reason = std::move(reason);
    run.wake = wake;
    recorder_.record({from, run, {}});
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
    const auto reason = "its launch got no answer, and the API cannot be asked for it: " + found.error().text();
    if (now > give_up) return finish(std::move(run), from, RunState::collect_failed, reason);
    if (run.attempts == 1) context_.log.warning(run.name() + ": " + reason);
    return wait(reason, again);
  }
  if (*found) {
    context_.log.notice(run.name() + ": the API has its action after all");
    return accepted(std::move(run), context_.jobs.find(run.job), std::move(**found), now);
  }
  // A request that was cut off may still be on its way into the API's database.
  const auto settled = run.posted_at.value_or(signed_at(run)) + kSettle;
  if (now < settled) return wait(run.reason, std::min(again, settled));
  run.attempts = static_cast<int>(signatures->size()) - 1;
  run.posted_at.reset();
  retry(std::move(run), from, Error{"its launch got no answer, and the API does not have it", {}, Retry::later}, now);
}

}  // namespace mig_runner::runner
