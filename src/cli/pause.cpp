#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/runs.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string job;
  bool json = false;
};

// A job, also one whose files are broken or gone, as long as it is paused.
Result<void> require_job(const Tree& tree, store::RunStore& store, const std::string& name) {
  const auto names = tree.job_names();
  if (!names) return tl::unexpected(names.error());
  if (std::binary_search(names->begin(), names->end(), name)) return {};
  const auto paused = store.paused();
  if (!paused) return tl::unexpected(paused.error());
  if (paused->contains(name)) return {};
  return fail(no_such_job(name, *names), tree.runners());
}

int set_paused(const Context& context, const Options& options, bool pause) {
  const auto tree = Tree::open(context.config);
  if (!tree) return complain(context, tree.error(), kExitCannotStart);
  const auto store = open_runs(*tree, pause ? "pause" : "resume");
  if (!store) return complain(context, store.error(), kExitProblem);
  if (const auto known = require_job(*tree, **store, options.job); !known)
    return complain(context, known.error(), kExitProblem);
  const auto now = (*store)->shared_time(context.clock.now());
  if (!now) return complain(context, now.error(), kExitProblem);
  const auto changed = pause ? (*store)->pause(options.job, *now) : (*store)->resume(options.job, *now);
  if (!changed) return complain(context, changed.error(), kExitProblem);
  if (options.json) {
    print_json(context.streams, {{"job", options.job}, {"paused", pause}, {"changed", *changed}});
    return kExitFine;
  }
  context.streams.out << printable(options.job)
                      << (pause ? (*changed ? " is paused: its schedule launches nothing until it is resumed"
                                            : " is paused already")
                                : (*changed ? " is resumed: it is launched at its next time" : " is not paused"))
                      << '\n';
  return kExitFine;
}

Command make_command(CLI::App& app, const Context& context, bool pause) {
  auto options = std::make_shared<Options>();
  const auto command = pause ? Subcommand(app, "pause", "Launch a job no more, until it is resumed; survives restarts")
                             : Subcommand(app, "resume", "Launch a paused job again, from its next time on");
  command.argument("JOB", options->job, "the job").required();
  command.flag("--json", options->json, "print JSON");
  command.add_example(pause ? "mig-runner pause patchlevel" : "mig-runner resume patchlevel");
  return {command, [options, &context, pause] { return set_paused(context, *options, pause); }};
}

}  // namespace

Command pause_command(CLI::App& app, const Context& context) {
  return make_command(app, context, true);
}

Command resume_command(CLI::App& app, const Context& context) {
  return make_command(app, context, false);
}

}  // namespace mig_runner::cli
