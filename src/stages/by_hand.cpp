#include "stages/by_hand.h"

#include <utility>

#include "base/names.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

using store::RunState;

Result<store::Run> change(store::RunStore& store, RunState from, store::Run run) {
  if (auto repaired = store.repair({from, run, {}}); !repaired) return tl::unexpected(repaired.error());
  return run;
}

tl::unexpected<Error> refuse(const store::Run& run, const std::string& why) {
  return fail("it is " + std::string(store::state_name(run.state)) + ": " + why, run.name());
}

}  // namespace

Result<store::Run> launch_now(store::RunStore& store, const spool::Job& job, Timestamp now) {
  store::Run run;
  run.job = job.name;
  run.nominal = now;
  run.plugin = job.config.plugin;
  run.wake = now;
  run.deadline = now + job.config.settings.startdeadline;
  const auto planned = store.add({&run, 1});
  if (!planned) return tl::unexpected(planned.error());
  if (!planned->front()) return fail("it was launched at this very moment", run.name());
  auto found = store.find(run.job, run.nominal);
  if (!found) return tl::unexpected(found.error());
  return std::move(found->value());
}

Result<store::Run> redeliver(store::RunStore& store, store::Run run, const std::string& plugin, Timestamp now) {
  if (run.result_file.empty()) return refuse(run, "it has no results to deliver");
  if (run.state == RunState::posted) return refuse(run, "its results are being collected again");
  if (plugin.empty()) return refuse(run, "its job has no plugin to deliver to");
  for (const auto& problem : {plugin_name_problem(plugin), result_file_problem(run.job, run.result_file)})
    if (!problem.empty()) return refuse(run, problem);
  const auto from = run.state;
  await_delivery(run, now);
  run.reason = ResultReason::of(run).results;
  run.plugin = plugin;
  run.failures = 0;
  return change(store, from, std::move(run));
}

Result<store::Run> collect_again(store::RunStore& store, store::Run run, Timestamp deadline, Timestamp now) {
  if (run.action_id == 0) return refuse(run, "no action was launched for it");
  const auto from = std::exchange(run.state, RunState::posted);
  // Asked to be delivered once more, which is still to be done afterwards.
  if (from == RunState::stored && run.wake) run.delivered_at.reset();
  run.wake = now;
  run.deadline = deadline;
  run.attempts = 0;
  if (!result_file_problem(run.job, run.result_file).empty()) run.result_file.clear();
  if (run.result_file.empty()) run.failures = 0;
  if (!run.result_file.empty()) --run.recollections;  // asked for by hand, it takes the place of none
  return change(store, from, std::move(run));
}

}  // namespace mig_runner::stages
