#include "stages/deliverer.h"

#include <unistd.h>

#include <array>

#include "base/time.h"
#include "config/tree_layout.h"
#include "results/result_file.h"
#include "stages/damaged_result.h"
#include "stages/guarded_paths.h"
#include "stages/retry_pause.h"
#include "stages/run_files.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using plugin::Outcome;
using store::RunState;

constexpr std::array kDeliverStates{RunState::stored};

// How soon it is noticed that what kept a plugin from being started is mended.
constexpr std::chrono::seconds kNotStartedPause{30};

// The plain text of a compressed result file, as plugin::Request::feed wants it. `damage` is set if the
// content is found to be damaged; it outlives the function.
std::function<Result<std::string_view>()> plain_pieces(results::ResultPieces opened, std::optional<Error>& damage) {
  return [pieces = std::make_shared<results::ResultPieces>(std::move(opened)), &damage] {
    auto piece = pieces->next();
    if (!piece && piece.error().retry == Retry::no) damage = piece.error();
    return piece;
  };
}

Error gone(const PathBelow& path) {
  return {"the result file is gone", path.whole(), Retry::later};
}

}  // namespace

Deliverer::Deliverer(const StageContext& context, const Clock& clock, std::stop_token stop, JobShares* shares)
    : context_(context), clock_(clock), stop_(std::move(stop)), recorder_(context, shares) {}

std::optional<Timestamp> Deliverer::step(Timestamp now) {
  if (const auto blocked = recorder_.settle(now)) return blocked;
  // A process that was stopped, or cut off, may have lost its claims: others deliver its runs then.
  term_ = store::term_of(context_.store.group());
  if (!store::holds(context_.store.group(), term_)) return now + kStoragePauses.first;
  auto claimed = recorder_.claim(kDeliverStates, now, 1);
  if (!claimed) return recorder_.claim_again(now);
  if (claimed->empty()) return recorder_.next_claim(kDeliverStates, now);
  deliver(std::move(claimed->front()), now);
  return clock_.now();
}

plugin::Request Deliverer::request_for(const store::Run& run, const config::JobSettings& settings) const {
  const auto& directory = context_.settings.directory;
  plugin::Request request;
  request.executable = config::plugins_in(directory) / run.plugin;
  request.working_directory = directory;
  request.timeout = settings.plugintimeout;
  request.environment = {
      {"MIG_RUNNER_JOB", run.job},
      {"MIG_RUNNER_ACTION_ID", std::to_string(run.action_id)},
      {"MIG_RUNNER_NOMINAL_TIME", format_utc(run.nominal)},
      {"MIG_RUNNER_ATTEMPT", std::to_string(run.attempts + 1)},
      {"MIG_RUNNER_RESULT_FILE", (directory / run.result_file).string()},
      {"MIG_RUNNER_COMPLETE", run.complete ? "true" : "false"},
  };
  return request;
}

// A result file that is gone or damaged is collected again from the API.
bool Deliverer::usable_result(store::Run& run, Timestamp now) {
  const auto whole = keep_whole_result(context_, run);
  if (!whole) {
    put_off(std::move(run), whole.error().text(), now);
    return false;
  }
  if (!*whole) collect_again(std::move(run), now);
  return *whole;
}

void Deliverer::collect_again(store::Run run, Timestamp now) {
  run.state = RunState::posted;
  run.attempts = 0;
  run.wake = now;
  run.deadline = now + context_.job_settings(run.job).collectdeadline;
  recorder_.record({RunState::stored, std::move(run), {}});
}

// The one that its job has now, as long as nobody else may write to it.
bool Deliverer::choose_plugin(store::Run& run, Timestamp now) {
  const auto& directory = context_.settings.directory;
  const auto job = context_.jobs.find(run.job);
  const auto plugin = plugin_of(run, job.get());
  const auto objection = plugin.and_then([&](const std::string& name) {
    return name.empty() ? std::string() : serious_objection(guarded_plugin(directory, name), geteuid());
  });
  if (!objection || !objection->empty()) {
    put_off(std::move(run), objection ? *objection : objection.error().what, now);
    return false;
  }
  if (*plugin == run.plugin && !run.plugin.empty()) return true;
  run.reason = ResultReason::of(run).results;
  run.plugin = *plugin;
  if (!run.plugin.empty()) return true;
  context_.log.notice(run.name() + ": its job has no plugin any more: its results are kept in " + run.result_file);
  settle_or_recollect(run, RunState::stored, now);
  recorder_.record({RunState::stored, std::move(run), {}});
  return false;
}

void Deliverer::deliver(store::Run run, Timestamp now) {
  if (!choose_plugin(run, now) || !usable_result(run, now)) return;
  if (!store::holds(context_.store.group(), term_)) return recorder_.release(run);
  start_plugin(std::move(run), now);
}

void Deliverer::start_plugin(store::Run run, Timestamp now) {
  const auto name = run.name();
  const auto path = result_path(context_.settings.directory, run).value();  // it was just looked at
  auto request = request_for(run, context_.job_settings(run.job));
  Result<std::optional<UniqueFd>> file;  // until it has ended
  std::optional<Error> damage;
  if (results::is_compressed_result(path.relative)) {
    auto pieces = results::ResultPieces::open(path);
    if (!pieces || !*pieces) return put_off(std::move(run), (pieces ? gone(path) : pieces.error()).text(), now);
    request.feed = plain_pieces(std::move(**pieces), damage);
  } else {
    file = open_regular_below(path);
    if (!file || !*file) return put_off(std::move(run), (file ? gone(path) : file.error()).text(), now);
    request.open_input = (*file)->get();
  }
  const auto line = [&](bool is_stderr, std::string_view text) {
    context_.log.write(is_stderr ? log::Level::notice : log::Level::info,
                       name + ": " + run.plugin + ": " + std::string(text));
  };
  const auto outcome = plugin::run(request, line, stop_);
  now = clock_.now();
  if (damage) {
    const auto aside = set_result_aside(context_, run, damage->text());
    return aside ? collect_again(std::move(run), now) : put_off(std::move(run), aside.error().text(), now);
  }
  if (!outcome) return failed(std::move(run), outcome.error().text(), outcome.error().retry == Retry::no, now);
  if (outcome->dropped_lines > 0)
    context_.log.warning(name + ": " + run.plugin + ": " + std::to_string(outcome->dropped_lines) +
                         " further lines of its output were dropped");
  switch (outcome->kind) {
    case Outcome::Kind::succeeded:
      return delivered(std::move(run), now);
    case Outcome::Kind::try_later:
      return failed(std::move(run), "it asks to be tried later (exit 75)", false, now);
    case Outcome::Kind::stopped:
      if (!outcome->still_runs.empty()) context_.log.warning(name + ": " + run.plugin + ": " + outcome->text());
      return recorder_.release(run);
    case Outcome::Kind::failed:
    case Outcome::Kind::timed_out:
      return failed(std::move(run), outcome->text(), true, now);
  }
}

// It was not started: that counts as no failure, and is told once.
void Deliverer::put_off(store::Run run, const std::string& why, Timestamp now) {
  auto reason = ResultReason::of(run);
  reason.plugin = "plugin " + run.plugin + ": not started: " + why;
  const bool known = reason.text() == run.reason;
  run.reason = reason.text();
  run.wake = now + kNotStartedPause;
  context_.log.write(known ? log::Level::debug : log::Level::err,
                     run.name() + ": not delivered, tried again within a minute: " + reason.plugin);
  recorder_.record({RunState::stored, std::move(run), {}});
}

void Deliverer::delivered(store::Run run, Timestamp now) {
  context_.log.info(run.name() + ": delivered to " + run.plugin);
  run.delivered_at = now;
  run.delivered_by = store::tree_of(context_.store.group());
  run.reason = ResultReason::of(run).results;
  settle_or_recollect(run, RunState::delivered, now);
  recorder_.record({RunState::stored, std::move(run), {}});
}

void Deliverer::failed(store::Run run, const std::string& how, bool counts, Timestamp now) {
  const auto settings = context_.job_settings(run.job);
  ++run.attempts;
  if (counts) ++run.failures;
  auto reason = ResultReason::of(run);
  reason.plugin = "plugin " + run.plugin + ": " + how;
  run.reason = reason.text();
  if (run.failures > settings.pluginretries) {
    context_.log.error(run.name() + ": undeliverable after " + std::to_string(run.failures) +
                       " failures, its results are kept in " + run.result_file + "; last: " + reason.plugin);
    settle_or_recollect(run, RunState::undeliverable, now);
    recorder_.record({RunState::stored, std::move(run), {}});
    return;
  }
  run.wake = now + retry_pause(kDeliverPauses, run.attempts, run.name());
  context_.log.warning(run.name() + ": not delivered, next try at " + format_utc(*run.wake) + ": " + reason.plugin);
  recorder_.record({RunState::stored, std::move(run), {}});
}

}  // namespace mig_runner::stages
