#include "runner/launcher.h"

#include <unistd.h>

#include <algorithm>

#include "mig/action.h"
#include "runner/guarded_paths.h"
#include "runner/retry_pause.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

using store::RunState;

// An action that was signed ahead dates from the time at which it was to be sent; later than this it is signed anew.
constexpr std::chrono::seconds kStale{1};
constexpr auto kPaused = "its job was paused before it was launched";

}  // namespace

Launcher::Launcher(const StageContext& context, std::unique_ptr<api::ApiClient> api,
                   std::unique_ptr<sign::Signer> signer, LaunchRate& rate, const Clock& clock,
                   std::span<const RunState> states, JobShares* shares)
    : context_(context),
      api_(std::move(api)),
      signer_(std::move(signer)),
      rate_(rate),
      clock_(clock),
      states_(states),
      most_held_(shares == nullptr ? kMostHeld : 1),
      recorder_(context, shares) {}

std::optional<Timestamp> Launcher::step(Timestamp now) {
  if (const auto wait = recorder_.settle(now)) return wait;
  const auto room = states_.front() == RunState::due ? rate_.room(now) : std::nullopt;
  if (room && room->launches == 0) {
    give_back_held();
    return room->wait_until;
  }
  if (const auto wait = claim(now, room ? std::min(most_held_, room->launches) : most_held_)) return wait;
  if (auto due = take_due(now); !due.empty()) {
    launch(std::move(due), now);
    return clock_.now();
  }
  if (sign_ahead()) return clock_.now();
  const auto next_held = held_.empty() ? std::optional<Timestamp>() : held_.front().run.wake;
  if (held_.size() >= most_held_) return next_held;
  const auto next = recorder_.next_claim(states_, now, kAhead);
  return next && next_held ? std::min(*next, *next_held) : next ? next : next_held;
}

// A time to come back at where the store fails.
std::optional<Timestamp> Launcher::claim(Timestamp now, std::size_t most) {
  if (held_.size() >= most) return std::nullopt;
  auto claimed = recorder_.claim(states_, now + kAhead, static_cast<int>(most - held_.size()));
  if (!claimed) return recorder_.claim_again(now);
  for (auto& run : *claimed) {
    auto job = context_.jobs.find(run.job);
    held_.push_back({std::move(run), std::move(job), nullptr, {}});
  }
  std::stable_sort(held_.begin(), held_.end(), [](const Held& a, const Held& b) { return a.run.wake < b.run.wake; });
  return std::nullopt;
}

// One run at a time, so that none is kept waiting by the signing of the next. False where all are signed.
bool Launcher::sign_ahead() {
  for (auto& held : held_) {
    if (held.tried_ahead || held.run.state != RunState::due) continue;
    held.tried_ahead = true;
    // What goes wrong now is told when the run is due.
    if (const auto job = context_.jobs.find(held.run.job)) static_cast<void>(sign(held, job, *held.run.wake));
    return true;
  }
  return false;
}

std::vector<Launcher::Held> Launcher::take_due(Timestamp now) {
  const auto end = std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return *held.run.wake > now; });
  std::vector<Held> due(std::make_move_iterator(held_.begin()), std::make_move_iterator(end));
  held_.erase(held_.begin(), end);
  return due;
}

void Launcher::finish(store::Run run, RunState from, RunState state, std::string reason) {
  context_.log.write(state == RunState::skipped ? log::Level::notice : log::Level::err,
                     run.name() + ": " + std::string(store::state_name(state)) + ": " + reason);
  end(std::move(run), from, state, std::move(reason));
}

// It was not launched for the reason for which all runs fail at the moment.
void Launcher::give_up(store::Run run, RunState from, std::string reason) {
  context_.outages.launching.failed(context_.log, log::Level::err, run.name(), run.name() + ": missed: " + reason,
                                    Outage::End::given_up);
  end(std::move(run), from, RunState::missed, std::move(reason));
}

void Launcher::end(store::Run run, RunState from, RunState state, std::string reason) {
  run.state = state;
  run.wake.reset();
  run.deadline.reset();
  run.reason = std::move(reason);
  store::Change change{from, std::move(run), {}};
  change.drop_documents = true;
  recorder_.later(std::move(change));
}

void Launcher::retry(store::Run run, RunState from, const Error& error, Timestamp now) {
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

void Launcher::put_off(store::Run run, RunState from, const std::string& why, Timestamp again) {
  run.state = RunState::due;
  run.launched_by.clear();
  run.wake = again;
  run.reason = why;
  context_.outages.launching.failed(context_.log, log::Level::warning, run.name(),
                                    run.name() + ": not launched, next try at " + format_utc(again) + ": " + run.reason,
                                    Outage::End::tried_again);
  recorder_.later({from, std::move(run), {}});
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
    finish(std::move(run), RunState::due, state, std::move(reason));
    return false;
  };
  if (!job) return ended(RunState::skipped, "its job was removed before it was launched");
  const auto& settings = job->config.settings;
  if (!settings.enabled) return ended(RunState::skipped, "its job was disabled before it was launched");
  if (context_.jobs.was_withdrawn(run)) return ended(RunState::skipped, "its schedule was changed before its time");
  if (context_.jobs.was_paused(run)) return ended(RunState::skipped, kPaused);
  const auto punctual = run.nominal + settings.splay + std::chrono::minutes(1);
  if (run.deadline && now > *run.deadline && (run.attempts > 0 || now > punctual)) {
    const auto last = run.reason.empty() ? context_.jobs.objection(*job).value_or("") : run.reason;
    auto reason =
        "not launched until its deadline " + format_utc(*run.deadline) + (last.empty() ? "" : "; last: " + last);
    if (run.attempts == 0) return ended(RunState::missed, std::move(reason));
    give_up(std::move(run), RunState::due, std::move(reason));
    return false;
  }
  const auto told =
      serious_objection(guarded_job(context_.settings.directory, job->name, job->config.plugin), geteuid());
  if (told) context_.jobs.set_objection(*job, *told);
  // The form that is launched was read when that could be told.
  const auto objection = told ? std::optional(*told) : context_.jobs.objection(*job);
  if (!objection) {
    retry(std::move(run), RunState::due, told.error(), now);
    return false;
  }
  if (!objection->empty()) {
    wait_for_mending(std::move(run), *objection, now);
    return false;
  }
  if (settings.overlap == config::Overlap::forbid) {
    const auto overlaps = context_.store.overlaps(run);
    if (!overlaps) {
      retry(std::move(run), RunState::due, overlaps.error(), now);
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

void Launcher::launch(std::vector<Held> due, Timestamp now) {
  std::vector<Held> ready;
  std::vector<store::Run> uncertain;
  for (auto& held : due) {
    if (held.run.state != RunState::due) {
      uncertain.push_back(std::move(held.run));
    } else if (make_ready(held, now)) {
      ready.push_back(std::move(held));
    }
  }
  recorder_.flush();
  const auto term = context_.store.term();
  post(record_signed(std::move(ready), now), term);
  recorder_.flush();
  for (auto& run : uncertain) {
    reconcile(std::move(run), clock_.now());
    recorder_.flush();
  }
}

void Launcher::post(std::vector<Held> ready, std::uint64_t term) {
  std::vector<api::Posting> postings;
  postings.reserve(ready.size());
  for (auto& held : ready) postings.push_back(std::move(held.posting));
  bool held_back = false;
  const auto done = [&](std::size_t index, Result<api::StoredAction> stored) {
    auto& run = ready[index].run;
    if (stored || !held_back || stored.error().retry != Retry::later)
      return answered(std::move(run), std::move(stored));
    rate_.give_back();
    put_off(std::move(run), RunState::signed_, "this runner's lease was not renewed in time",
            clock_.now() + kLaunchPauses.first);
  };
  // A process that was stopped meanwhile, or cut off, may have lost its claims: others have launched these then.
  const auto may_send = [&] {
    const bool holds = context_.store.holds(term);
    held_back = held_back || !holds;
    return holds;
  };
  const auto idle = [&] {
    recorder_.flush();
    give_back_late(clock_.now());
  };
  api_->post_actions(postings, done, idle, may_send);
}

// While the API keeps this launcher waiting.
void Launcher::give_back_late(Timestamp now) {
  if (!held_.empty() && *held_.front().run.wake + kPatience <= now) give_back_held();
}

void Launcher::give_back_held() {
  for (const auto& held : held_) recorder_.release(held.run);
  held_.clear();
}

// The job changed or went while the run was in hand: in a group others may have it as it was. Where nobody has the job
// that is said after the deadline.
bool Launcher::is_for_others(const Held& held, const spool::JobPtr& job, Timestamp now) const {
  if (context_.store.tree().empty()) return false;
  return job ? job != held.claimed_for : held.run.deadline && now <= *held.run.deadline;
}

// False where it is not launched now, which is then recorded.
bool Launcher::make_ready(Held& held, Timestamp now) {
  const auto job = context_.jobs.find(held.run.job);
  if (is_for_others(held, job, now)) {
    recorder_.release(held.run);
    return false;
  }
  if (!may_launch(held.run, job, now)) return false;
  const bool signed_ahead = held.job && held.job == job && now - *held.run.wake <= kStale;
  if (signed_ahead) return true;
  if (const auto done = sign(held, job, now); !done) {
    const auto& error = done.error();
    if (error.retry == Retry::no) {
      finish(std::move(held.run), RunState::due, RunState::refused, error.text());
    } else {
      retry(std::move(held.run), RunState::due, error, now);
    }
    return false;
  }
  return true;
}

// Retry::no: the action itself is at fault.
Result<void> Launcher::sign(Held& held, const spool::JobPtr& job, Timestamp start) {
  auto action = job->action();
  expand_macro(action, context_.settings.macros);
  held.run.valid_from = start - kDatedBack;
  held.run.expire_after = start + job->config.expiry;
  held.run.plugin = job->config.plugin;
  if (auto prepared = action.prepare(action_name(held.run.job), *held.run.valid_from, *held.run.expire_after);
      !prepared)
    return fail(prepared.error().what, prepared.error().where);
  auto signature = signer_->sign(action.signed_text());
  if (!signature) return fail(signature.error().what, signature.error().where, Retry::later);
  held.posting = {action.document({&*signature, 1}), action_name(held.run.job), *signature};
  held.job = job;
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
std::vector<Launcher::Held> Launcher::record_signed(std::vector<Held> ready, Timestamp now) {
  std::vector<store::Change> changes;
  changes.reserve(ready.size());
  for (auto& held : ready) {
    held.run.state = RunState::signed_;
    held.run.launched_by = context_.store.tree();
    changes.push_back({RunState::due, held.run, {held.posting.signature, std::nullopt}});
    changes.back().keep_claim = true;
  }
  if (changes.empty()) return ready;
  if (context_.store.record(changes)) {
    unwritten_ = 0;
    return ready;
  }
  std::vector<Held> recorded;
  ++unwritten_;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    auto run = ready[i].run;
    const auto done = context_.store.record({&changes[i], 1});
    if (done) {
      recorded.push_back(std::move(ready[i]));
      continue;
    }
    rate_.give_back();
    if (done.error().retry == Retry::no && is_paused(run)) {
      finish(std::move(run), RunState::due, RunState::skipped, kPaused);
    } else if (done.error().retry == Retry::no) {
      // Perhaps it was written, and only the answer was lost: then it is reconciled.
      context_.log.warning(run.name() + ": not launched: " + done.error().text());
      recorder_.release(run);
    } else {
      const auto again = now + retry_pause(kLaunchPauses, unwritten_, run.name());
      put_off(std::move(run), RunState::due, "its state cannot be written: " + done.error().text(), again);
    }
  }
  recorder_.flush();
  return recorded;
}

}  // namespace mig_runner::runner
