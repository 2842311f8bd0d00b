#include "runner/deliverer.h"

#include <array>

#include "base/time.h"
#include "config/tree_layout.h"
#include "runner/damaged_result.h"
#include "runner/result_file.h"
#include "runner/retry_pause.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

using plugin::Outcome;
using store::RunState;

constexpr std::array kDeliverStates{RunState::stored};

// What a plugin gets of a result file that is compressed, as plugin::Request::feed wants it.
Result<std::function<Result<std::string_view>()>> plain_pieces(const std::filesystem::path& path) {
  auto opened = open_result(path);
  if (!opened) return tl::unexpected(opened.error());
  return [path, stream = std::shared_ptr<std::istream>(std::move(*opened)),
          piece = std::make_shared<std::vector<char>>(std::size_t{256} << 10U)]() -> Result<std::string_view> {
    stream->read(piece->data(), static_cast<std::streamsize>(piece->size()));
    if (stream->bad()) return fail("the result file is damaged: it cannot be decompressed", path);
    return std::string_view(piece->data(), static_cast<std::size_t>(stream->gcount()));
  };
}

}  // namespace

Deliverer::Deliverer(const StageContext& context, const Clock& clock, std::stop_token stop, JobShares* shares)
    : context_(context), clock_(clock), stop_(std::move(stop)), recorder_(context, shares) {}

std::optional<Timestamp> Deliverer::step(Timestamp now) {
  if (const auto blocked = recorder_.settle(now)) return blocked;
  // A process that was stopped, or cut off, may have lost its claims: others deliver its runs then.
  term_ = context_.store.term();
  if (!context_.store.holds(term_)) return now + kStoragePauses.first;
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
  request.input = directory / run.result_file;
  request.working_directory = directory;
  request.timeout = settings.plugintimeout;
  request.environment = {
      {"MIG_RUNNER_JOB", run.job},
      {"MIG_RUNNER_ACTION_ID", std::to_string(run.action_id)},
      {"MIG_RUNNER_NOMINAL_TIME", format_utc(run.nominal)},
      {"MIG_RUNNER_ATTEMPT", std::to_string(run.attempts + 1)},
      {"MIG_RUNNER_RESULT_FILE", request.input.string()},
      {"MIG_RUNNER_COMPLETE", run.complete ? "true" : "false"},
  };
  return request;
}

// A result file that is gone or damaged is collected again from the API.
bool Deliverer::usable_result(store::Run& run, Timestamp now) {
  const auto whole = keep_whole_result(context_, run);
  if (!whole) {
    failed(std::move(run), whole.error().text(), false, now);
    return false;
  }
  if (*whole) return true;
  run.state = RunState::posted;
  run.attempts = 0;
  run.wake = now;
  run.deadline = now + context_.job_settings(run.job).collectdeadline;
  recorder_.record({RunState::stored, std::move(run), {}});
  return false;
}

void Deliverer::deliver(store::Run run, Timestamp now) {
  if (!usable_result(run, now)) return;
  if (!context_.store.holds(term_)) return recorder_.release(run);
  const auto name = run.name();
  auto request = request_for(run, context_.job_settings(run.job));
  if (is_compressed_result(request.input)) {
    auto feed = plain_pieces(request.input);
    if (!feed) return failed(std::move(run), feed.error().text(), false, now);
    request.feed = std::move(*feed);
  }
  const auto line = [&](bool is_stderr, std::string_view text) {
    context_.log.write(is_stderr ? log::Level::notice : log::Level::info,
                       name + ": " + run.plugin + ": " + std::string(text));
  };
  const auto outcome = plugin::run(request, line, stop_);
  now = clock_.now();
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

void Deliverer::delivered(store::Run run, Timestamp now) {
  context_.log.info(run.name() + ": delivered to " + run.plugin);
  run.delivered_at = now;
  run.delivered_by = context_.store.tree();
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

}  // namespace mig_runner::runner
