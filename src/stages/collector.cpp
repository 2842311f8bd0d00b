#include "stages/collector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "stages/collection.h"
#include "stages/damaged_result.h"
#include "stages/retry_pause.h"
#include "stages/run_files.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using store::RunState;

constexpr std::array kCollectStates{RunState::posted};

bool collected_before(const store::Run& run) {
  return !run.result_file.empty();
}

}  // namespace

Collector::Collector(const StageContext& context, std::unique_ptr<api::ApiClient> api, const Clock& clock,
                     JobShares* shares)
    : context_(context),
      api_(std::move(api)),
      clock_(clock),
      recorder_(context, shares),
      readiness_(context, *api_),
      unrecorded_(context, *api_, clock) {}

std::optional<Timestamp> Collector::step(Timestamp now) {
  if (const auto blocked = recorder_.settle(now)) return unrecorded_.collect(now, *blocked);
  auto claimed = recorder_.claim(kCollectStates, now, 1);
  if (!claimed) return unrecorded_.collect(now, recorder_.claim_again(now));
  context_.launches.follow(context_.store, context_.settings.delay_results, now);
  if (claimed->empty()) return recorder_.next_claim(kCollectStates, now);
  handle(std::move(claimed->front()), now);
  return clock_.now();
}

void Collector::wait(store::Run run, std::string reason, Timestamp wake) {
  // The remark on a result that is there already stays; the log tells why it is not renewed.
  if (!collected_before(run)) run.reason = std::move(reason);
  run.wake = wake;
  recorder_.record({RunState::posted, std::move(run), {}});
}

void Collector::finish(store::Run run, RunState state, std::string reason) {
  context_.log.error(run.name() + ": " + std::string(store::state_name(state)) + ": " + reason);
  end(std::move(run), state, std::move(reason));
}

void Collector::end(store::Run run, RunState state, std::string reason) {
  context_.launches.forget(run.number);
  run.state = state;
  run.wake.reset();
  run.deadline.reset();
  run.failures = 0;
  run.reason = std::move(reason);
  store::Change change{RunState::posted, std::move(run), {}};
  change.drop_documents = true;
  recorder_.record(std::move(change));
}

void Collector::retry_api(store::Run run, const Error& error, Timestamp now) {
  ++run.attempts;
  const auto again = next_try(now, retry_pause(kCollectPauses, run.attempts, run.name()), error, run.deadline);
  if (run.deadline && again > *run.deadline) {
    if (collected_before(run)) return settle_as_it_was(std::move(run), now);
    auto reason = "no results until its deadline " + format_utc(*run.deadline) + "; last: " + error.text();
    context_.outages.collecting.failed(context_.log, log::Level::err, run.name(),
                                       run.name() + ": collect failed: " + reason, Outage::End::given_up);
    return end(std::move(run), RunState::collect_failed, std::move(reason));
  }
  context_.outages.collecting.failed(
      context_.log, log::Level::warning, run.name(),
      run.name() + ": not collected, next try at " + format_utc(again) + ": " + error.text(), Outage::End::tried_again);
  wait(std::move(run), error.text(), again);
}

void Collector::retry_disk(store::Run run, const Error& error, Timestamp now) {
  ++run.attempts;
  const auto again = now + retry_pause(kCollectPauses, run.attempts, run.name());
  context_.outages.keeping.failed(
      context_.log, log::Level::err, run.name(),
      run.name() + ": its results cannot be stored, next try at " + format_utc(again) + ": " + error.text(),
      Outage::End::tried_again);
  // However long the disk is full, the results are not given up.
  if (run.deadline) run.deadline = std::max(*run.deadline, again + std::chrono::hours(1));
  wait(std::move(run), error.text(), again);
}

void Collector::handle(store::Run run, Timestamp now) {
  if (!collected_before(run) && keep_unrecorded(run, now)) return;
  const auto status = api_->action_status(run.action_id);
  if (!status) return retry_api(std::move(run), status.error(), clock_.now());
  if (!collected_before(run)) {
    const auto decision = readiness_.before_reading(run, *status, now);
    if (decision.kind != Readiness::Decision::Kind::collect) {
      const auto name = run.name();
      follow(std::move(run), decision);
      return context_.outages.collecting.worked(context_.log, name, "The API answers again");
    }
  }
  collect(std::move(run), *status, now);
}

void Collector::follow(store::Run run, const Readiness::Decision& decision) {
  if (decision.kind == Readiness::Decision::Kind::end) return finish(std::move(run), decision.state, decision.reason);
  wait(std::move(run), decision.reason, decision.wake);
}

bool Collector::keep_unrecorded(const store::Run& run, Timestamp now) {
  const auto taken = unrecorded_.take(run, now);
  if (!taken) return false;
  auto kept = run;
  take_plugin_of_job(kept);
  keep(std::move(kept), taken->result_file, taken->contents);
  return true;
}

void Collector::collect(store::Run run, const api::ActionStatus& status, Timestamp now) {
  if (collected_before(run)) {
    if (const auto whole = keep_whole_result(context_, run); !whole)
      return retry_disk(std::move(run), whole.error(), now);
  }
  const bool fresh = !collected_before(run);
  if (fresh) take_plugin_of_job(run);
  auto action = context_.store.action(run);
  if (!action) return retry_disk(std::move(run), action.error(), now);
  auto file = run;
  if (fresh) file.result_file = new_result_file(run, context_.settings.compress_results, now);
  const auto path = result_path(context_.settings.directory, file);
  if (!path) return retry_disk(std::move(run), path.error(), now);
  auto collection = Collection::begin(*path, action->value_or(status.json), !fresh);
  if (!collection && collection.error().retry == Retry::no) {
    if (const auto aside = set_result_aside(context_, run, collection.error().text()); !aside)
      return retry_disk(std::move(run), aside.error(), now);
    return collect(std::move(run), status, now);
  }
  if (!collection) return retry_disk(std::move(run), collection.error(), now);

  const auto reading = read_commands(*api_, context_.settings, run, status.sent, *collection);
  now = clock_.now();
  if (reading.disk_error) return retry_disk(std::move(run), *reading.disk_error, now);
  if (reading.api_error) return retry_api(std::move(run), *reading.api_error, now);
  context_.outages.collecting.worked(context_.log, run.name());
  if (fresh) {
    const auto decision = readiness_.after_reading(run, status, collection->tally(), reading.unreadable, now);
    if (decision.kind != Readiness::Decision::Kind::collect) return follow(std::move(run), decision);
  }
  const auto contents = contents_of(*collection, status, reading, now);
  if (!fresh) {
    const auto& difference = collection->difference();
    if (!difference.any()) return settle_again(std::move(run), contents, now);
    if (const auto announced = announce_change(run); !announced)
      return retry_disk(std::move(run), announced.error(), now);
    context_.log.notice(run.name() + ": collected again: " + difference.text());
  }
  if (const auto finished = collection->finish(run.job, run.plugin); !finished)
    return retry_disk(std::move(run), finished.error(), clock_.now());
  context_.outages.keeping.worked(context_.log, run.name());
  keep(std::move(run), file.result_file, contents);
}

// Of one whose name cannot be used the deliverer tells.
void Collector::take_plugin_of_job(store::Run& run) const {
  const auto job = context_.jobs.find(run.job);
  if (const auto plugin = plugin_of(run, job.get())) run.plugin = *plugin;
}

// Before the file becomes another one: if the runner dies after that, the next reading finds no difference, and the
// result is delivered again because of this.
Result<void> Collector::announce_change(store::Run& run) {
  run.delivered_at.reset();
  run.failures = 0;
  store::Change change{RunState::posted, run, {}};
  change.keep_claim = true;
  return context_.store.record({&change, 1});
}

// Another has collected the run meanwhile, so nobody would ever look at the file again; unless it was recorded all the
// same, and only the answer was lost.
void Collector::drop_file(const store::Run& run) {
  const auto found = context_.store.find(run.job, run.nominal);
  if (!found || !*found) return;
  if ((*found)->result_file == run.result_file && (*found)->collected_by == run.collected_by) return;
  if (const auto path = result_path(context_.settings.directory, run)) static_cast<void>(remove_file_below(*path));
}

void Collector::keep(store::Run run, const std::string& file, const Contents& contents) {
  const auto now = clock_.now();
  const bool fresh = !collected_before(run);
  run.recollections += fresh ? 0 : 1;
  context_.launches.forget(run.number);
  run.result_file = file;
  run.collected_by = store::tree_of(context_.store.group());
  run.commands = contents.commands;
  run.expected = contents.expected;
  run.complete = contents.complete;
  run.reason = contents.reason;
  run.stored_at = contents.collected_at;
  run.failures = 0;
  context_.log.write(contents.level, run.name() + ": " + counted(run.commands, "command") + " collected into " +
                                         run.result_file + (run.reason.empty() ? "" : "; " + run.reason));
  if (run.plugin.empty()) {
    settle_or_recollect(run, RunState::stored, now);
  } else {
    await_delivery(run, now);
  }
  // There only where an original runner launched the action.
  static_cast<void>(remove_file_below(inflight_path(context_.settings.directory, run)));
  store::Change change{RunState::posted, std::move(run), {}};
  change.drop_documents = change.run.complete;
  const auto kept = change.run;
  recorder_.record(std::move(change), [this, kept, fresh] {
    if (fresh) drop_file(kept);
  });
}

// A result that was collected again without finding another: what was stored stays, nothing is delivered twice.
void Collector::settle_again(store::Run run, const Contents& contents, Timestamp now) {
  ++run.recollections;
  run.commands = contents.commands;
  run.expected = contents.expected;
  run.complete = contents.complete;
  auto reason = ResultReason::of(run);
  reason.results = contents.reason;
  run.reason = reason.text();
  settle_as_it_was(std::move(run), now);
}

void Collector::settle_as_it_was(store::Run run, Timestamp now) {
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

}  // namespace mig_runner::stages
