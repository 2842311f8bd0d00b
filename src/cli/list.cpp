#include <algorithm>
#include <memory>
#include <ostream>

#include "base/text.h"
#include "cli/checks.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/outcome_style.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "cli/tree.h"
#include "daemon/configuration.h"
#include "report/jobs.h"

namespace mig_runner::cli {
namespace {

struct Options {
  bool utc = false, json = false;
};

class List {
 public:
  List(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    const auto names = tree->job_names();
    if (!names) return complain(context_, names.error(), kExitCannotStart);
    const auto format = TimeFormat::choose(options_.utc);
    if (!format) return complain(context_, format.error(), kExitCannotStart);
    auto status = open_store(*tree);
    const auto checks = check_context(*tree);
    for (const auto& name : *names)
      if (auto listed = look_at(checks, name); listed.job || !listed.problems.empty())
        jobs_.push_back(std::move(listed));
    if (options_.json) {
      print_json(context_.streams, report::jobs_json(jobs_));
    } else {
      show_table(*format);
    }
    return status;
  }

 private:
  // Without it the last outcomes are not known; a tree that no runner worked on yet has none.
  int open_store(const Tree& tree) {
    auto store = open_runs_if_any(tree, "list");
    if (!store) return complain(context_, store.error(), kExitProblem);
    store_ = std::move(*store);
    if (!store_) return kExitFine;
    if (const auto read = records_.read(*store_); !read) return complain(context_, read.error(), kExitProblem);
    return kExitFine;
  }

  // Macros are only known where the client configuration can be read, which is not needed here.
  JobCheckContext check_context(const Tree& tree) const {
    Problems ignored;
    auto client = daemon::read_client_config(tree.config(), context_.config, ignored);
    return job_check_context(tree.config(), client ? std::optional(std::move(client->config)) : std::nullopt,
                             context_.clock.now());
  }

  report::Job look_at(const JobCheckContext& checks, const std::string& name) const {
    auto checked = check_job(checks, name);
    report::Job listed{name, std::move(checked.value), std::move(checked.problems), {}, {}, {}};
    records_.describe(listed, context_.clock.now());
    return listed;
  }

  Table::Cell next_cell(const report::Job& each, const TimeFormat& format) const {
    if (!each.job) return {"broken", Style::red};
    if (!each.job->config.settings.enabled) return {"disabled", Style::dim};
    if (each.paused_since) return {"paused", Style::yellow};
    return each.next ? Table::Cell(format.text(*each.next)) : Table::Cell("never", Style::red);
  }

  Table::Cell last_cell(const report::Job& each) const {
    if (!each.last) return {"-", Style::dim};
    return {report::outcome_text(*each.last) + " " + relative_text(each.last->nominal, context_.clock.now()),
            outcome_style(*each.last)};
  }

  Table::Cell problems_cell(const report::Job& each) const {
    const auto errors = each.errors();
    const auto warnings = each.warnings();
    if (errors > 0) return {counted(errors, "error"), Style::red};
    return warnings > 0 ? Table::Cell(counted(warnings, "warning"), Style::yellow) : Table::Cell("");
  }

  void show_table(const TimeFormat& format) const {
    const bool problems =
        std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job.problems.empty(); });
    std::vector<Table::Column> columns{{"JOB", true}, {"SCHEDULE", true}, {"NEXT"}, {"LAST", true}, {"PLUGIN", true}};
    if (problems) columns.push_back({"PROBLEMS"});
    Table table(std::move(columns));
    for (const auto& each : jobs_) {
      std::vector<Table::Cell> cells{
          each.name, each.job ? Table::Cell(each.job->schedule.describe()) : Table::Cell("-"), next_cell(each, format),
          last_cell(each), each.job && !each.job->config.plugin.empty() ? each.job->config.plugin : "-"};
      if (problems) cells.push_back(problems_cell(each));
      table.add(std::move(cells));
    }
    table.print(context_.streams);
    if (problems) context_.streams.out << "\nmig-runner check says what the problems are.\n";
  }

  const Context& context_;
  const Options& options_;
  std::unique_ptr<store::RunStore> store_;
  report::JobRecords records_;
  std::vector<report::Job> jobs_;
};

}  // namespace

Command list_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "list", "List the jobs: when they are launched, and how it went the last time");
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner list -c /etc/mig/runner.cfg --utc");
  return {command, [options, &context] { return List(context, *options).run(); }};
}

}  // namespace mig_runner::cli
