#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/outcome_style.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "report/run.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string job;
  std::vector<std::string> states;
  std::size_t count = 20;
  bool utc = false, plain = false, json = false;
};

std::vector<store::RunState> states_of(const Options& options) {
  std::vector<store::RunState> states;
  for (const auto& name : options.states) states.push_back(*store::state_from_name(name));
  return states;
}

void show_table(const Context& context, const std::vector<store::Run>& runs, const TimeFormat& format) {
  Table table(
      {{"TIME"}, {"RUN"}, {"OUTCOME"}, {"COMMANDS", false, true}, {"WHO", true, false, true}, {"REASON", true}});
  for (const auto& run : runs)
    table.add({format.text(run.nominal),
               run.name(),
               {report::outcome_text(run), outcome_style(run)},
               report::commands_text(run),
               report::deeds_text(run),
               run.reason});
  table.print(context.streams);
}

int history(const Context& context, const Options& options) {
  const auto tree = Tree::open(context.config);
  if (!tree) return complain(context, tree.error(), kExitCannotStart);
  const auto format = TimeFormat::choose(options.utc);
  if (!format) return complain(context, format.error(), kExitCannotStart);
  const auto store = open_runs(*tree, "history");
  if (!store) return complain(context, store.error(), kExitProblem);
  const auto runs = (*store)->history(options.job, static_cast<int>(options.count), states_of(options));
  if (!runs) return complain(context, runs.error(), kExitProblem);
  for (const auto& refused : (*store)->take_refused()) complain(context, {refused, {}}, kExitProblem);
  if (runs->empty() && !options.job.empty()) {
    // A job that never ran is fine, a name that is none is not.
    const auto names = tree->job_names();
    const auto ever = (*store)->history(options.job, 1);
    if (!names) return complain(context, names.error(), kExitProblem);
    if (ever && ever->empty() && !std::binary_search(names->begin(), names->end(), options.job))
      return complain(context, {no_such_job(options.job, *names), tree->runners()}, kExitProblem);
  }
  if (options.json) {
    Json list = Json::array();
    for (const auto& run : *runs) list.push_back(report::run_json(run));
    print_json(context.streams, {{"runs", std::move(list)}});
  } else if (options.plain) {
    for (const auto& run : *runs) context.streams.out << printable(run.name()) << '\n';
  } else if (runs->empty()) {
    context.streams.out << "no runs\n";
  } else {
    show_table(context, *runs, *format);
  }
  return kExitFine;
}

std::vector<std::string> state_names() {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(store::RunState::undeliverable); ++i)
    names.emplace_back(store::state_name(static_cast<store::RunState>(i)));
  return names;
}

// "collect-failed" needs no quotes.
std::string with_spaces(std::string name) {
  std::replace(name.begin(), name.end(), '-', ' ');
  return name;
}

}  // namespace

Command history_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "history", "List past runs, newest first");
  command.argument("JOB", options->job, "only this job's");
  command.option("-n", options->count, "at most so many").takes("N").between(1, 1'000'000).shows_default();
  command.option("--state", options->states, "only runs in this state; may be repeated")
      .takes("STATE")
      .one_of(state_names(), with_spaces);
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--plain", options->plain, "only the runs' names, one a line");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner history patchlevel -n 5");
  return {command, [options, &context] { return history(context, *options); }};
}

}  // namespace mig_runner::cli
