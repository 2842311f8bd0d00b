#include "runner/collector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "runner/damaged_result.h"
#include "runner/result_writer.h"
#include "runner/retry_pause.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

using store::RunState;

constexpr std::array kCollectStates{RunState::posted};
// The API lists commands page by page in no fixed order: one reading may miss what another shows.
constexpr int kReadings = 6;
// Tries to get a complete result, with pauses between, before an incomplete one is stored.
constexpr int kShortTries = 3;
// How long after the results were due an action may still be waiting for the API's scheduler.
constexpr std::chrono::minutes kNotStarted{10};

bool collected_before(const store::Run& run) {
  return !run.result_file.empty();
}

bool not_started(const std::string& status) {
  return status == "pending" || status == "scheduled" || status == "preparing";
}

bool all_answered(const api::ActionStatus& status) {
  return status.status == "completed" || (status.sent > 0 && status.done >= status.sent);
}

}  // namespace

Collector::Collector(const StageContext& context, std::unique_ptr<api::ApiClient> api, const Clock& clock)
    : context_(context), api_(std::move(api)), clock_(clock), recorder_(context) {}

std::optional<Timestamp> Collector::step(Timestamp now) {
  if (const auto blocked = recorder_.settle(now)) return collect_unrecorded(now, *blocked);
  auto claimed = recorder_.claim(kCollectStates, now, 1);
  if (!claimed) return collect_unrecorded(now, recorder_.claim_again(now));
  context_.launches.follow(context_.store, context_.settings.delay_results, now);
  if (claimed->empty()) return recorder_.next_claim(kCollectStates, now);
  handle(std::move(claimed->front()), now);
  return clock_.now();
}

void Collector::wait(store::Run run, std::string reason, Timestamp wake) {
  run.reason = std::move(reason);
  run.wake = wake;
  recorder_.record({RunState::posted, std::move(run), {}});
}

void Collector::finish(store::Run run, RunState state, std::string reason) {
  context_.launches.forget(run.number);
  run.state = state;
  run.wake.reset();
  run.deadline.reset();
  run.reason = std::move(reason);
  context_.log.error(run.name() + ": " + std::string(store::state_name(state)) + ": " + run.reason);
  store::Change change{RunState::posted, std::move(run), {}};
  change.drop_documents = true;
  recorder_.record(std::move(change));
}

void Collector::retry_api(store::Run run, const Error& error, Timestamp now) {
  ++run.attempts;
  const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
  if (run.deadline && again > *run.deadline) {
    if (collected_before(run)) return settle_again(std::move(run), now);
    auto reason = "no results until its deadline " + format_utc(*run.deadline) + "; last: " + error.text();
    return finish(std::move(run), RunState::collect_failed, std::move(reason));
  }
  context_.log.warning(run.name() + ": not collected, next try at " + format_utc(again) + ": " + error.text());
  wait(std::move(run), error.text(), again);
}

void Collector::retry_disk(store::Run run, const Error& error, Timestamp now) {
  ++run.attempts;
  const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
  context_.log.error(run.name() + ": its results cannot be written, next try at " + format_utc(again) + ": " +
                     error.text());
  // However long the disk is full, the results are not given up.
  if (run.deadline) run.deadline = std::max(*run.deadline, again + std::chrono::hours(1));
  wait(std::move(run), error.text(), again);
}

void Collector::handle(store::Run run, Timestamp now) {
  if (!collected_before(run) && keep_unrecorded(run, now)) return;
  const auto status = api_->action_status(run.action_id);
  if (!status) return retry_api(std::move(run), status.error(), clock_.now());
  if (!ready_to_collect(run, *status, now)) return;
  collect(std::move(run), *status, now);
}

bool Collector::ready_to_collect(store::Run& run, const api::ActionStatus& status, Timestamp now) {
  if (collected_before(run)) return true;
  if (status.status == "invalid") {
    finish(std::move(run), RunState::invalid, "no agent matched its target \"" + status.target + "\"");
    return false;
  }
  const auto ready = *run.expire_after + context_.settings.delay_results;
  if (now < ready) {
    if (all_answered(status)) return true;
    const auto pause = status_pause(now - run.posted_at.value_or(now));
    wait(std::move(run), "", std::min(ready, now + pause));
    return false;
  }
  if (!not_started(status.status) || status.sent > 0) return true;
  if (now > ready + kNotStarted) {
    finish(std::move(run), RunState::invalid,
           "the API never sent it to an agent (status " + status.status +
               "): check that its target is a valid condition: \"" + status.target + "\"");
    return false;
  }
  ++run.attempts;
  const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
  wait(std::move(run), "the API has not sent it to any agent yet (status " + status.status + ")", again);
  return false;
}

Collector::Reading Collector::read_all(const store::Run& run, std::int64_t expected, ResultWriter& writer) {
  Reading reading;
  const api::FetchOptions options{context_.settings.page_size, context_.settings.parallel_pages, expected};
  int fruitless = 0;
  for (int i = 0; i < kReadings && fruitless < 2; ++i) {
    const auto before = writer.count();
    const auto fetched =
        api_->fetch_commands(run.action_id, options, [&](const api::CommandSlice& command) -> Result<void> {
          auto added = writer.add(command);
          if (!added) reading.disk_error = added.error();
          return added;
        });
    if (!fetched) {
      if (!reading.disk_error) reading.api_error = fetched.error();
      return reading;
    }
    if (writer.count() >= expected) break;
    fruitless = writer.count() == before ? fruitless + 1 : 0;
  }
  return reading;
}

void Collector::collect(store::Run run, const api::ActionStatus& status, Timestamp now) {
  if (collected_before(run)) {
    if (const auto whole = keep_whole_result(context_, run); !whole)
      return retry_disk(std::move(run), whole.error(), now);
  }
  auto action = context_.store.action(run);
  if (!action) return retry_disk(std::move(run), action.error(), now);
  const auto relative =
      collected_before(run) ? run.result_file : new_result_file(run, context_.settings.compress_results, now);
  auto writer = ResultWriter::create(context_.settings.directory / relative, action->value_or(status.json));
  if (!writer) return retry_disk(std::move(run), writer.error(), now);

  const auto reading = read_all(run, status.sent, *writer);
  now = clock_.now();
  if (reading.disk_error) return retry_disk(std::move(run), *reading.disk_error, now);
  if (reading.api_error) return retry_api(std::move(run), *reading.api_error, now);

  const bool complete = writer->count() >= status.sent;
  const auto numbers = std::to_string(writer->count()) + " of " + counted(status.sent, "command");
  if (collected_before(run)) {
    ++run.recollections;
    if (writer->count() <= run.commands) return settle_again(std::move(run), now);
  } else if (!complete && run.attempts < kShortTries) {
    ++run.attempts;
    const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
    context_.log.warning(run.name() + ": the API lists only " + numbers + ", reading again at " + format_utc(again));
    return wait(std::move(run), "the API lists only " + numbers, again);
  }
  if (const auto finished = writer->finish(run.job, run.plugin); !finished)
    return retry_disk(std::move(run), finished.error(), clock_.now());
  keep(std::move(run), relative, {writer->count(), status.sent, clock_.now()});
}

std::string Collector::new_result_file(const store::Run& run, bool compressed, Timestamp now) const {
  auto day = format_utc(now).substr(0, 10);
  std::erase(day, '-');
  return "runners/" + run.job + "/results/" + day + "/" + std::to_string(run.action_id) + ".json" +
         (compressed ? std::string(kCompressedEnding) : "");
}

// Another has collected the run meanwhile, so nobody would ever look at the file again; unless it was recorded all the
// same, and only the answer was lost.
void Collector::drop_file(const store::Run& run) {
  const auto found = context_.store.find(run.job, run.nominal);
  if (!found || !*found) return;
  if ((*found)->result_file == run.result_file && (*found)->collected_by == run.collected_by) return;
  std::error_code ignored;
  std::filesystem::remove(context_.settings.directory / run.result_file, ignored);
}

void Collector::keep(store::Run run, const std::string& file, const Contents& contents) {
  const auto now = clock_.now();
  const bool fresh = !collected_before(run);
  context_.launches.forget(run.number);
  run.result_file = file;
  run.collected_by = context_.store.tree();
  run.commands = contents.commands;
  run.expected = contents.expected;
  run.complete = run.commands >= run.expected;
  run.reason.clear();
  run.stored_at = contents.collected_at;
  run.failures = 0;
  const auto message = run.name() + ": " + counted(run.commands, "command") + " collected into " + run.result_file;
  if (run.complete) {
    context_.log.info(message);
  } else {
    context_.log.warning(message + ", INCOMPLETE: the API counts " + std::to_string(run.expected));
    run.reason = "incomplete: " + std::to_string(run.commands) + " of " + counted(run.expected, "command");
  }
  if (run.plugin.empty()) {
    settle_or_recollect(run, RunState::stored, now);
  } else {
    await_delivery(run, now);
  }
  std::error_code ignored;  // there only where an original runner launched the action
  std::filesystem::remove(
      context_.settings.job_directory(run.job) / "inflight" / (std::to_string(run.action_id) + ".json"), ignored);
  store::Change change{RunState::posted, std::move(run), {}};
  change.drop_documents = change.run.complete;
  const auto kept = change.run;
  recorder_.record(std::move(change), [this, kept, fresh] {
    if (fresh) drop_file(kept);
  });
}

// A result that was collected again without finding more: what was stored stays, nothing is delivered twice.
void Collector::settle_again(store::Run run, Timestamp now) {
  auto settled = RunState::undeliverable;
  if (run.delivered_at) settled = RunState::delivered;
  if (run.plugin.empty()) settled = RunState::stored;
  const bool given_up = run.failures > context_.job_settings(run.job).pluginretries;
  if (settled == RunState::undeliverable && !given_up) {
    await_delivery(run, now);
  } else {
    settle_or_recollect(run, settled, now);
  }
  recorder_.record({RunState::posted, std::move(run), {}});
}

}  // namespace mig_runner::runner
