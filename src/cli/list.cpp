#include <algorithm>
#include <memory>
#include <ostream>

#include "base/text.h"
#include "cli/checks.h"
#include "cli/command.h"
#include "cli/run_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "cli/tree.h"
#include "daemon/configuration.h"

namespace mig_runner::cli {
namespace {

struct Options {
  bool utc = false, json = false;
};

// A job directory and what is known of it.
struct Listed {
  std::string name;
  std::optional<spool::Job> job;  // none: broken
  Problems problems;
  std::optional<Timestamp> paused_since;
  std::optional<Timestamp> next;  // none for a disabled or paused job
  std::optional<store::Run> last;

  std::size_t count(bool fatal) const {
    return static_cast<std::size_t>(
        std::count_if(problems.begin(), problems.end(), [&](const auto& problem) { return problem.fatal == fatal; }));
  }
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
      show_json();
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
    const auto paused = store_->paused();
    if (!paused) return complain(context_, paused.error(), kExitProblem);
    paused_ = *paused;
    auto last = store_->last_runs();
    if (!last) return complain(context_, last.error(), kExitProblem);
    for (auto& run : *last) last_.emplace(run.job, std::move(run));
    return kExitFine;
  }

  // Macros are only known where the client configuration can be read, which is not needed here.
  JobCheckContext check_context(const Tree& tree) const {
    Problems ignored;
    auto client = daemon::read_client_config(tree.config(), context_.config, ignored);
    return job_check_context(tree.config(), client ? std::optional(std::move(client->config)) : std::nullopt,
                             context_.clock.now());
  }

  Listed look_at(const JobCheckContext& checks, const std::string& name) const {
    auto checked = check_job(checks, name);
    Listed listed{name,        std::move(checked.value), std::move(checked.problems), std::nullopt, std::nullopt,
                  std::nullopt};
    if (const auto since = paused_.find(name); since != paused_.end()) listed.paused_since = since->second.since;
    if (listed.job && listed.job->config.settings.enabled && !listed.paused_since)
      listed.next = listed.job->schedule.next(context_.clock.now(), listed.job->zone);
    if (const auto last = last_.find(name); last != last_.end()) listed.last = last->second;
    return listed;
  }

  void show_json() const {
    Json list = Json::array();
    for (const auto& each : jobs_) {
      const auto* job = each.job ? &*each.job : nullptr;
      Json problems = Json::array();
      for (const auto& problem : each.problems) problems.push_back(problem_json(problem));
      list.push_back({{"job", each.name},
                      {"schedule", job ? Json(job->config.schedule) : Json()},
                      {"description", job ? Json(job->schedule.describe()) : Json()},
                      {"timezone", job ? Json(job->zone.name()) : Json()},
                      {"enabled", job ? Json(job->config.settings.enabled) : Json()},
                      {"paused_since", json_time(each.paused_since)},
                      {"next", json_time(each.next)},
                      {"plugin", job ? json_text(job->config.plugin) : Json()},
                      {"last", each.last ? run_json(*each.last) : Json()},
                      {"problems", std::move(problems)}});
    }
    print_json(context_.streams, {{"jobs", std::move(list)}});
  }

  Table::Cell next_cell(const Listed& each, const TimeFormat& format) const {
    if (!each.job) return {"broken", Style::red};
    if (!each.job->config.settings.enabled) return {"disabled", Style::dim};
    if (each.paused_since) return {"paused", Style::yellow};
    return each.next ? Table::Cell(format.text(*each.next)) : Table::Cell("never", Style::red);
  }

  Table::Cell last_cell(const Listed& each) const {
    if (!each.last) return {"-", Style::dim};
    return {outcome_text(*each.last) + " " + relative_text(each.last->nominal, context_.clock.now()),
            outcome_style(*each.last)};
  }

  Table::Cell problems_cell(const Listed& each) const {
    const auto errors = each.count(true);
    const auto warnings = each.count(false);
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
  std::map<std::string, store::Pause> paused_;
  std::map<std::string, store::Run> last_;
  std::vector<Listed> jobs_;
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
