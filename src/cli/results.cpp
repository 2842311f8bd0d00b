#include <algorithm>
#include <memory>
#include <ostream>

#include "base/text.h"
#include "cli/command.h"
#include "cli/findings_table.h"
#include "cli/json_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "report/findings.h"

namespace mig_runner::cli {
namespace {

constexpr std::size_t kNamedAgents = 10;

struct Options {
  std::string job;
  std::size_t last = 1;
  bool changed = false, utc = false, json = false;
};

class Results {
 public:
  Results(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    const auto format = TimeFormat::choose(options_.utc);
    if (!format) return complain(context_, format.error(), kExitCannotStart);
    const auto store = open_runs(*tree, "results");
    if (!store) return complain(context_, store.error(), kExitProblem);
    if (const auto read = read_runs(*tree, **store); !read) return complain(context_, read.error(), kExitProblem);
    if (options_.changed) return show_changes(*format);
    return show_findings(*format);
  }

 private:
  Result<void> read_runs(const Tree& tree, store::RunStore& store) {
    const auto wanted = options_.changed ? 2 : options_.last;
    const auto runs = with_results(store, wanted);
    if (!runs) return tl::unexpected(runs.error());
    if (runs->empty()) return nothing(tree);
    for (const auto& run : *runs) {
      const auto file = result_file_of(tree, store, run);
      if (!file) return tl::unexpected(file.error());
      auto found = reader_.read(run, *file);
      if (!found) return tl::unexpected(found.error());
      found_.push_back(std::move(*found));
    }
    return {};
  }

  // The newest runs whose results are there: few are looked at unless they are rare.
  Result<std::vector<store::Run>> with_results(store::RunStore& store, std::size_t wanted) const {
    std::vector<store::Run> chosen;
    for (const int limit : {static_cast<int>(wanted) + 100, 1'000'000}) {
      auto runs = store.history(options_.job, limit);
      if (!runs) return runs;
      chosen.clear();
      for (auto& run : *runs)
        if (!run.result_file.empty() && chosen.size() < wanted) chosen.push_back(std::move(run));
      if (chosen.size() == wanted || runs->size() < static_cast<std::size_t>(limit)) break;
    }
    return chosen;
  }

  Result<void> nothing(const Tree& tree) const {
    const auto names = tree.job_names();
    if (!names) return tl::unexpected(names.error());
    if (!std::binary_search(names->begin(), names->end(), options_.job))
      return fail(no_such_job(options_.job, *names), tree.runners());
    return fail("there are no results of this job", options_.job);
  }

  std::string title(const report::RunFindings& found, const TimeFormat& format) const {
    return printable(found.run.name()) + ", " + format.text(found.run.nominal) + ": " +
           counted(found.findings.size(), "finding") + ", " + counted(found.answered.size(), "agent") + " answered" +
           (found.run.complete ? "" : ", INCOMPLETE");
  }

  int show_findings(const TimeFormat& format) const {
    if (options_.json) {
      auto list = report::Json::array();
      for (const auto& found : found_) list.push_back(report::findings_json(found));
      print_json(context_.streams, {{"runs", std::move(list)}});
      return kExitFine;
    }
    for (const auto& found : found_) {
      if (&found != found_.data()) context_.streams.out << '\n';
      context_.streams.out << styled(title(found, format), Style::bold, context_.streams.colour) << '\n';
      if (found.findings.empty()) continue;
      auto table = findings_table();
      for (const auto& finding : found.findings) table.add(finding_cells(finding, reader_.names()));
      table.print(context_.streams);
    }
    return kExitFine;
  }

  int show_changes(const TimeFormat& format) const {
    if (found_.size() < 2)
      return complain(context_, {"there is only one run with results: nothing to compare it with", options_.job},
                      kExitProblem);
    const auto& now = found_[0];
    const auto& before = found_[1];
    const auto changes = report::Changes::between(before, now);
    if (options_.json) {
      print_json(context_.streams, report::changes_json(changes, before, now, reader_.names()));
      return kExitFine;
    }
    auto& out = context_.streams.out;
    out << "now     " << title(now, format) << '\n' << "before  " << title(before, format) << "\n\n";
    show_difference(changes.fresh, changes.gone);
    show_agents("answered before and not now, their findings are not compared", changes.only_before);
    show_agents("answered now and not before, their findings are not compared", changes.only_now);
    show_agents("failed in part in one of the two, findings of what failed are not compared", changes.in_part);
    return kExitFine;
  }

  void show_difference(const std::vector<results::Finding>& fresh, const std::vector<results::Finding>& gone) const {
    if (fresh.empty() && gone.empty()) {
      context_.streams.out << "no difference\n";
      return;
    }
    Table table({{"CHANGE"}, {"AGENT", true}, {"MODULE"}, {"SEARCH", true}, {"FOUND", true}});
    const auto add = [&](const char* change, Style style, const std::vector<results::Finding>& findings) {
      for (const auto& finding : findings) {
        auto cells = finding_cells(finding, reader_.names());
        cells.insert(cells.begin(), {change, style});
        table.add(std::move(cells));
      }
    };
    add("new", Style::yellow, fresh);
    add("gone", Style::dim, gone);
    table.print(context_.streams);
  }

  void show_agents(const char* what, const report::Agents& agents) const {
    if (agents.empty()) return;
    context_.streams.out << '\n' << counted(agents.size(), "agent") << ' ' << what << ": ";
    std::size_t shown = 0;
    for (const auto& agent : agents) {
      if (shown == kNamedAgents) break;
      context_.streams.out << (shown++ == 0 ? "" : ", ") << printable(reader_.names().shown(agent));
    }
    context_.streams.out << (agents.size() > shown ? ", ..\n" : "\n");
  }

  const Context& context_;
  const Options& options_;
  std::vector<report::RunFindings> found_;  // newest first
  report::FindingsReader reader_;
};

}  // namespace

Command results_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "results", "Show what a job's agents found");
  command.argument("JOB", options->job, "the job").required();
  const auto last = command.option("--last", options->last, "those of the last N runs with results")
                        .takes("N")
                        .between(1, 1000)
                        .shows_default();
  command.flag("--changed", options->changed, "what is new and what is gone since the run before").excludes(last);
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner results patchlevel --changed");
  return {command, [options, &context] { return Results(context, *options).run(); }};
}

}  // namespace mig_runner::cli
