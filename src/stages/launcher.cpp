#include "stages/launcher.h"

#include <unistd.h>

#include <algorithm>

#include "mig/action.h"
#include "stages/guarded_paths.h"
#include "stages/retry_pause.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using store::RunState;

// An action that was signed ahead dates from the time at which it was to be sent; later than this it is signed anew.
constexpr std::chrono::seconds kStale{1};
constexpr auto kPaused = "its job was paused before it was launched";

// The reason of a run whose signature the API refused: it is signed anew once, not twice in a row.
constexpr std::string_view kSignedAnew = "the API cannot verify its signature, so it is signed anew: ";

// The end of an outage by an answer that does not take the action.
constexpr auto kAnswersAgain = "The API answers launches again";

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
  const auto room = rate_.room(now);
  if (room && room->launches == 0) {
    release_claimed();
    return room->wait_until;
  }
  if (const auto wait = claim(now, room ? std::min(kMostClaimed, room->launches) : kMostClaimed)) return wait;
  if (auto due = take_due(now); !due.empty()) {
    launch(std::move(due), now);
    return clock_.now();
  }
  if (sign_ahead()) return clock_.now();
  const auto next_held = claimed_.empty() ? std::optional<Timestamp>() : claimed_.front().run.wake;
  if (claimed_.size() >= kMostClaimed) return next_held;
  const auto next = recorder_.next_claim(kStates, now, kAhead);
  return next && next_held ? std::min(*next, *next_held) : next ? next : next_held;
}

// A time to come back at where the store fails.
std::optional<Timestamp> Launcher::claim(Timestamp now, std::size_t most) {
  if (claimed_.size() >= most) return std::nullopt;
  auto claimed = recorder_.claim(kStates, now + kAhead, static_cast<int>(most - claimed_.size()));
  if (!claimed) return recorder_.claim_again(now);
  for (auto& run : *claimed) {
    auto job = context_.jobs.find(run.job);
    claimed_.push_back({std::move(run), std::move(job), nullptr, {}});
  }
  std::stable_sort(claimed_.begin(), claimed_.end(),
                   [](const ClaimedRun& a, const ClaimedRun& b) { return a.run.wake < b.run.wake; });
  return std::nullopt;
}

// One run at a time, so that none is kept waiting by the signing of the next. False where all are signed.
bool Launcher::sign_ahead() {
  for (auto& claimed : claimed_) {
    if (claimed.tried_ahead) continue;
    claimed.tried_ahead = true;
    // What goes wrong now is told when the run is due.
    if (const auto job = context_.jobs.find(claimed.run.job)) static_cast<void>(sign(claimed, job, *claimed.run.wake));
    return true;
  }
  return false;
}

std::vector<Launcher::ClaimedRun> Launcher::take_due(Timestamp now) {
  const auto end = std::find_if(claimed_.begin(), claimed_.end(),
                                [&](const ClaimedRun& claimed) { return *claimed.run.wake > now; });
  std::vector<ClaimedRun> due(std::make_move_iterator(claimed_.begin()), std::make_move_iterator(end));
  claimed_.erase(claimed_.begin(), end);
  return due;
}

// The loop told it when the job was read. Another member of the group may launch the run meanwhile.
void Launcher::wait_for_mending(store::Run run, const std::string& objection, Timestamp now) {
  ++run.attempts;
  run.reason = objection;
  run.wake = now + retry_pause(kLaunchPauses, run.attempts, run.name());
  if (run.deadline) run.wake = std::min(*run.wake, *run.deadline + std::chrono::milliseconds(1));
  context_.log.debug(run.name() + ": not launched, next try at " + format_utc(*run.wake) + ": " + objection);
  recorder_.later({RunState::due, std::move(run), {}});
}

bool Launcher::may_launch(store::Run& run, const spool::JobPtr& job, Timestamp now) {
  const auto ended = [&](RunState state, std::string reason) {
    outcome_.finish(std::move(run), RunState::due, state, std::move(reason));
    return false;
  };
  if (!job) return ended(RunState::skipped, "its job was removed before it was launched");
  const auto& settings = job->config.settings;
  if (!settings.enabled) return ended(RunState::skipped, "its job was disabled before it was launched");
  if (context_.jobs.was_withdrawn(run)) return ended(RunState::skipped, "its schedule was changed before its time");
  if (context_.jobs.was_paused(run)) return ended(RunState::skipped, kPaused);
  const auto told =
      serious_objection(guarded_job(context_.settings.directory, job->name, job->config.plugin), geteuid());
  if (told) context_.jobs.set_objection(*job, *told);
  // The form that is launched was read when that could be told.
  const auto objection = told ? std::optional(*told) : context_.jobs.objection(*job);
  const auto punctual = run.nominal + settings.splay + std::chrono::minutes(1);
  if (run.deadline && now > *run.deadline && (run.attempts > 0 || now > punctual)) {
    const auto last = run.reason.empty() ? objection.value_or("") : run.reason;
    auto reason =
        "not launched until its deadline " + format_utc(*run.deadline) + (last.empty() ? "" : "; last: " + last);
    if (run.attempts == 0) return ended(RunState::missed, std::move(reason));
    outcome_.give_up(std::move(run), RunState::due, std::move(reason));
    return false;
  }
  if (!objection) {
    outcome_.retry(std::move(run), RunState::due, told.error(), now);
    return false;
  }
  if (!objection->empty()) {
    wait_for_mending(std::move(run), *objection, now);
    return false;
  }
  if (settings.overlap == config::Overlap::forbid) {
    const auto overlaps = context_.store.overlaps(run);
    if (!overlaps) {
      outcome_.retry(std::move(run), RunState::due, overlaps.error(), now);
      return false;
    }
    if (*overlaps) return ended(RunState::skipped, "another run of the job is not collected yet (overlap = forbid)");
  }
  const auto answer = rate_.ask(now);
  if (!answer.wait_until) return true;
  if (answer.first_refusal)
    context_.log.warning("More than " + std::to_string(context_.settings.max_launches_per_minute) +
                         " launches within a minute (maxlaunchesperminute): further runs wait for their turn.");
  recorder_.release(run);  // others may have room
  return false;
}

void Launcher::launch(std::vector<ClaimedRun> due, Timestamp now) {
  std::vector<ClaimedRun> ready;
  for (auto& claimed : due)
    if (make_ready(claimed, now)) ready.push_back(std::move(claimed));
  recorder_.flush();
  const auto term = store::term_of(context_.store.group());
  post(record_signed(std::move(ready), now), term);
  recorder_.flush();
}

void Launcher::post(std::vector<ClaimedRun> ready, std::uint64_t term) {
  std::vector<api::Posting> postings;
  postings.reserve(ready.size());
  for (auto& claimed : ready) postings.push_back(std::move(claimed.posting));
  bool withheld = false;
  const auto done = [&](std::size_t index, Result<api::StoredAction> stored) {
    auto& run = ready[index].run;
    if (stored || !withheld || stored.error().retry != Retry::later) return answered(std::move(run), std::move(stored));
    rate_.put_back();
    outcome_.put_off(std::move(run), RunState::signed_, "this runner's lease was not renewed in time",
                     clock_.now() + kLaunchPauses.first);
  };
  // A process that was stopped meanwhile, or cut off, may have lost its claims: others have launched these then.
  const auto may_send = [&] {
    const bool holds = store::holds(context_.store.group(), term);
    withheld = withheld || !holds;
    return holds;
  };
  const auto idle = [&] {
    recorder_.flush();
    release_late(clock_.now());
  };
  api_->post_actions(postings, done, idle, may_send);
}

// While the API keeps this launcher waiting.
void Launcher::release_late(Timestamp now) {
  if (!claimed_.empty() && *claimed_.front().run.wake + kPatience <= now) release_claimed();
}

void Launcher::release_claimed() {
  for (const auto& claimed : claimed_) recorder_.release(claimed.run);
  claimed_.clear();
}

// The job changed or went while the run was in hand: in a group others may have it as it was. Where nobody has the job
// that is said after the deadline.
bool Launcher::is_for_others(const ClaimedRun& claimed, const spool::JobPtr& job, Timestamp now) const {
  if (context_.store.group() == nullptr) return false;
  return job ? job != claimed.claimed_for : claimed.run.deadline && now <= *claimed.run.deadline;
}

// False where it is not launched now, which is then recorded.
bool Launcher::make_ready(ClaimedRun& claimed, Timestamp now) {
  const auto job = context_.jobs.find(claimed.run.job);
  if (is_for_others(claimed, job, now)) {
    recorder_.release(claimed.run);
    return false;
  }
  if (!may_launch(claimed.run, job, now)) return false;
  const bool signed_ahead = claimed.job && claimed.job == job && now - *claimed.run.wake <= kStale;
  if (signed_ahead) return true;
  if (const auto done = sign(claimed, job, now); !done) {
    const auto& error = done.error();
    if (error.retry == Retry::no) {
      outcome_.finish(std::move(claimed.run), RunState::due, RunState::refused, error.text());
    } else {
      outcome_.retry(std::move(claimed.run), RunState::due, error, now);
    }
    return false;
  }
  return true;
}

// Retry::no: the action itself is at fault.
Result<void> Launcher::sign(ClaimedRun& claimed, const spool::JobPtr& job, Timestamp start) {
  auto action = job->action();
  expand_macro(action, context_.settings.macros);
  claimed.run.valid_from = start - kDatedBack;
  claimed.run.expire_after = start + job->config.expiry;
  claimed.run.plugin = job->config.plugin;
  if (auto prepared = action.prepare(action_name(claimed.run.job), *claimed.run.valid_from, *claimed.run.expire_after);
      !prepared)
    return fail(prepared.error().what, prepared.error().where);
  auto signature = signer_->sign(action.signed_text());
  if (!signature) return fail(signature.error().what, signature.error().where, Retry::later);
  claimed.posting = {action.document({&*signature, 1}), action_name(claimed.run.job), *signature};
  claimed.job = job;
  return {};
}

// Also by a pause that the loop has not seen yet.
bool Launcher::is_paused(const store::Run& run) {
  const auto paused = context_.store.paused();
  if (!paused) return false;
  const auto found = paused->find(run.job);
  return found != paused->end() && found->second.met(run);
}

// Those of which it is durable: only they may be posted.
std::vector<Launcher::ClaimedRun> Launcher::record_signed(std::vector<ClaimedRun> ready, Timestamp now) {
  std::vector<store::Change> changes;
  changes.reserve(ready.size());
  for (auto& claimed : ready) {
    claimed.run.state = RunState::signed_;
    claimed.run.launched_by = store::tree_of(context_.store.group());
    changes.push_back({RunState::due, claimed.run, {claimed.posting.signature, std::nullopt}});
    changes.back().keep_claim = true;
  }
  if (changes.empty()) return ready;
  if (context_.store.record(changes)) {
    unwritten_ = 0;
    return ready;
  }
  std::vector<ClaimedRun> recorded;
  ++unwritten_;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    auto run = ready[i].run;
    const auto done = context_.store.record({&changes[i], 1});
    if (done) {
      recorded.push_back(std::move(ready[i]));
      continue;
    }
    rate_.put_back();
    if (done.error().retry == Retry::no && is_paused(run)) {
      outcome_.finish(std::move(run), RunState::due, RunState::skipped, kPaused);
    } else if (done.error().retry == Retry::no) {
      // Perhaps it was written, and only the answer was lost: then it is reconciled.
      context_.log.warning(run.name() + ": not launched: " + done.error().text());
      recorder_.release(run);
    } else {
      const auto again = now + retry_pause(kLaunchPauses, unwritten_, run.name());
      outcome_.put_off(std::move(run), RunState::due, "its state cannot be written: " + done.error().text(), again);
    }
  }
  recorder_.flush();
  return recorded;
}

// The API may be asked for an action whose answer was lost, by the reconciler.
void Launcher::answered(store::Run run, Result<api::StoredAction> stored) {
  const auto now = clock_.now();
  if (stored) return outcome_.accepted(std::move(run), std::move(*stored), now);
  const auto& error = stored.error();
  if (error.retry == Retry::no || error.retry == Retry::anew)
    context_.outages.launching.worked(context_.log, run.name(), kAnswersAgain);
  if (error.retry == Retry::anew && !run.reason.starts_with(kSignedAnew))
    return outcome_.put_off(std::move(run), RunState::signed_, std::string(kSignedAnew) + error.text(),
                            now + kLaunchPauses.first);
  if (error.retry == Retry::no || error.retry == Retry::anew)
    return outcome_.finish(std::move(run), RunState::signed_, RunState::refused, error.text());
  if (error.retry == Retry::later) return outcome_.retry(std::move(run), RunState::signed_, error, now);

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

}  // namespace mig_runner::stages
