#include <functional>
#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/runs.h"
#include "report/run.h"
#include "stages/by_hand.h"
#include "stages/run_files.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::vector<std::string> runs;
  bool json = false;
};

// Does the same to each run that was named; one that fails does not stop the others.
class Repair {
 public:
  using Deed = std::function<Result<store::Run>(const Tree&, store::RunStore&, store::Run, Timestamp now)>;

  // `done` says of a run what becomes of it.
  Repair(const Context& context, const Options& options, std::string name, std::string done)
      : context_(context), options_(options), name_(std::move(name)), done_(std::move(done)) {}

  int run(const Deed& deed) {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    const auto store = open_runs(*tree, name_);
    if (!store) return complain(context_, store.error(), kExitProblem);
    int status = kExitFine;
    Json list = Json::array();
    for (const auto& name : options_.runs) {
      auto run = find_run(**store, name);
      const auto now = (*store)->shared_time(context_.clock.now());
      if (run) run = now ? deed(*tree, **store, std::move(*run), *now) : tl::unexpected(now.error());
      if (!run) {
        status = complain(context_, run.error(), kExitProblem);
        continue;
      }
      list.push_back(report::run_json(*run));
      if (!options_.json) context_.streams.out << printable(run->name()) << ' ' << done_ << '\n';
    }
    if (options_.json) print_json(context_.streams, {{"runs", std::move(list)}});
    if (const auto at_work = anybody_at_work(*tree, **store); at_work && !*at_work)
      context_.streams.err << "mig-runner: no runner is at work on this tree: that is done when one starts\n";
    return status;
  }

 private:
  const Context& context_;
  const Options& options_;
  std::string name_;
  std::string done_;
};

config::JobSettings settings_of(const Tree& tree, const store::Run& run) {
  const auto job = tree.job(run.job);
  return job ? (*job)->config.settings : tree.config().job_defaults;
}

Command make_command(const Subcommand& command, const Context& context, const std::string& done,
                     const Repair::Deed& deed) {
  auto options = std::make_shared<Options>();
  command.argument("RUN", options->runs, kRunHelp).required();
  command.flag("--json", options->json, "print JSON");
  return {command, [=, &context] { return Repair(context, *options, command.name(), done).run(deed); }};
}

}  // namespace

Command redeliver_command(CLI::App& app, const Context& context) {
  const Subcommand command(app, "redeliver", "Hand the results of runs to their job's plugin again");
  command.add_example("mig-runner redeliver $(mig-runner history --state undeliverable --plain)");
  const auto* done = "is delivered again";
  return make_command(command, context, done,
                      [](const Tree& tree, store::RunStore& store, store::Run run, Timestamp now) {
                        const auto job = tree.job(run.job);
                        const auto plugin = stages::plugin_of(run, job ? job->get() : nullptr);
                        if (!plugin) return Result<store::Run>(tl::unexpected(plugin.error()));
                        return stages::redeliver(store, std::move(run), *plugin, now);
                      });
}

Command collect_command(CLI::App& app, const Context& context) {
  const Subcommand command(app, "collect", "Fetch the results of runs from the API again");
  command.add_example("mig-runner collect patchlevel@2026-11-23T08:00:00Z");
  const auto* done = "is collected again";
  return make_command(command, context, done,
                      [](const Tree& tree, store::RunStore& store, store::Run run, Timestamp now) {
                        const auto deadline = now + settings_of(tree, run).collectdeadline;
                        return stages::collect_again(store, std::move(run), deadline, now);
                      });
}

}  // namespace mig_runner::cli
