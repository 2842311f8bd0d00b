#include "stages/recorder.h"

#include <utility>

#include "stages/retry_pause.h"

namespace mig_runner::stages {
namespace {

constexpr RetryPauses kFruitlessPauses{std::chrono::milliseconds(50), std::chrono::seconds(1)};

}  // namespace

// To look costs a database much less than a transaction that claims nothing.
Result<std::vector<store::Run>> Recorder::look_and_claim(std::span<const store::RunState> states, Timestamp now,
                                                         int limit) {
  const auto next = context_.store.next_wake(states, except_);
  if (!next) return tl::unexpected(next.error());
  next_wake_.reset();
  if (*next && **next <= now) return context_.store.claim(states, now, limit, except_);
  next_wake_ = *next;
  return {};
}

Result<std::vector<store::Run>> Recorder::claim_share(std::span<const store::RunState> states, Timestamp now,
                                                      int limit) {
  JobShares::Turn turn(*shares_, std::exchange(in_hand_, {}));
  except_ = turn.full_or_recent();
  auto claimed = look_and_claim(states, now, limit);
  if (claimed && claimed->empty()) {
    turn.forget_recent();
    if (auto full = turn.full(); full != except_) {
      except_ = std::move(full);
      claimed = look_and_claim(states, now, limit);
    }
  }
  if (!claimed || claimed->empty()) return claimed;
  in_hand_ = claimed->front().job;
  turn.take(in_hand_);
  return claimed;
}

std::optional<std::vector<store::Run>> Recorder::claim(std::span<const store::RunState> states, Timestamp now,
                                                       int limit) {
  auto claimed = shares_ == nullptr ? look_and_claim(states, now, limit) : claim_share(states, now, limit);
  if (!claimed) {
    ++failed_claims_;
    // Others do the work of a machine whose clock is off; that is told by who watches the group.
    left_to_others_ = claimed.error().retry == Retry::no;
    if (left_to_others_) return std::vector<store::Run>();
    if (context_.outages.claiming.begins())
      context_.log.error("Runs cannot be claimed, nothing new is begun: " + claimed.error().text());
    return std::nullopt;
  }
  if (context_.outages.claiming.ends()) context_.log.notice("Runs can be claimed again.");
  left_to_others_ = false;
  failed_claims_ = 0;
  if (!claimed->empty()) fruitless_ = 0;
  return std::move(*claimed);
}

Timestamp Recorder::claim_again(Timestamp now) const {
  return now + retry_pause(kStoragePauses, failed_claims_, "claim");
}

// What is due and was not there to be claimed has become due only now, or another runner of the group has it in hand
// or may have it alone: then it is not asked for all the time.
std::optional<Timestamp> Recorder::next_claim(std::span<const store::RunState> states, Timestamp now,
                                              std::chrono::milliseconds ahead) {
  if (left_to_others_) return now + kStoragePauses.longest;
  const auto seen = std::exchange(next_wake_, std::nullopt);
  const auto next = seen ? Result<std::optional<Timestamp>>(*seen) : context_.store.next_wake(states, except_);
  if (!next) return now + kStoragePauses.first;
  if (!*next) return std::nullopt;
  const auto at = **next - ahead;
  if (at > now) {
    fruitless_ = 0;
    return at;
  }
  return fruitless_++ == 0 ? now : now + retry_pause(kFruitlessPauses, fruitless_ - 1, "claim");
}

// False where it is worth trying again.
bool Recorder::try_record(const Kept& kept) {
  const auto& change = kept.change;
  const auto done = context_.store.record({&change, 1});
  if (done) return true;
  if (done.error().retry == Retry::no) {
    // Somebody else has changed the run meanwhile: ours is out of date, and trying again cannot help.
    context_.log.warning(change.run.name() + ": a change to \"" + std::string(store::state_name(change.run.state)) +
                         "\" was not recorded: " + done.error().text());
    if (kept.refused) kept.refused();
    // It may have been applied before, with an answer that was lost, and be still claimed.
    release(change.run);
    return true;
  }
  report(change.run, done.error());
  return false;
}

void Recorder::report(const store::Run& run, const Error& error) {
  ++failures_;
  context_.outages.writing.failed(context_.log, log::Level::err, run.name(),
                                  "The state of runs cannot be written, nothing new is begun: " + error.text(),
                                  Outage::End::tried_again);
}

void Recorder::record(store::Change change, std::function<void()> refused) {
  Kept kept{std::move(change), std::move(refused)};
  if (!kept_.empty() || !try_record(kept)) kept_.push_back(std::move(kept));
}

void Recorder::flush() {
  const auto changes = std::exchange(gathered_, {});
  if (changes.empty()) return;
  if (kept_.empty() && context_.store.record(changes)) return;
  for (const auto& change : changes) record(change);
}

void Recorder::release(const store::Run& run) {
  const auto done = context_.store.release({&run, 1});
  if (done || done.error().retry == Retry::no) return;
  report(run, done.error());
  kept_releases_.push_back(run);
}

std::optional<Timestamp> Recorder::settle(Timestamp now) {
  while (!kept_.empty()) {
    if (!try_record(kept_.front())) return now + retry_pause(kStoragePauses, failures_, "store");
    kept_.erase(kept_.begin());
  }
  while (!kept_releases_.empty()) {
    const auto run = kept_releases_.back();
    kept_releases_.pop_back();
    release(run);
    if (!kept_releases_.empty() && kept_releases_.back().number == run.number)
      return now + retry_pause(kStoragePauses, failures_, "store");
  }
  if (std::exchange(failures_, 0) != 0) context_.outages.writing.worked(context_.log);
  return std::nullopt;
}

}  // namespace mig_runner::stages
