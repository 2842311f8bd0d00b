#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/runs.h"
#include "report/run.h"
#include "stages/by_hand.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string job;
  bool wait = false, json = false;
};

int launch(const Context& context, const Options& options) {
  const auto tree = Tree::open(context.config);
  if (!tree) return complain(context, tree.error(), kExitCannotStart);
  const auto job = tree->job(options.job);
  if (!job) return complain(context, job.error(), kExitProblem);
  if (!(*job)->config.settings.enabled)
    return complain(context, {"the job is disabled (enabled = false): the runner launches nothing of it", options.job},
                    kExitProblem);
  const Error idle{"no runner is at work on this tree: start it first", tree->config().directory};
  const auto store = open_runs_if_any(*tree, "launch");
  if (!store) return complain(context, store.error(), kExitProblem);
  if (!*store) return complain(context, idle, kExitProblem);
  const auto at_work = anybody_at_work(*tree, **store);
  if (!at_work || !*at_work) return complain(context, at_work ? idle : at_work.error(), kExitProblem);
  const auto now = (*store)->shared_time(context.clock.now());
  if (!now) return complain(context, now.error(), kExitProblem);
  const auto run = stages::launch_now(**store, **job, *now);
  if (!run) return complain(context, run.error(), kExitProblem);
  if (options.wait) return follow_run(context, *tree, **store, *run, options.json);
  if (options.json) {
    print_json(context.streams, report::run_json(*run));
  } else {
    context.streams.out << printable(run->name()) << ": due; mig-runner show " << printable(run->name())
                        << " tells how it goes\n";
  }
  return kExitFine;
}

}  // namespace

Command launch_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "launch", "Launch a job now, by the same path as its schedule, paused or not");
  command.argument("JOB", options->job, "the job").required();
  command.flag("--wait", options->wait, "follow it until its results are delivered");
  command.flag("--json", options->json, "print JSON: the run as it begins, or as it ended");
  command.add_example("mig-runner launch patchlevel --wait");
  return {command, [options, &context] { return launch(context, *options); }};
}

}  // namespace mig_runner::cli
