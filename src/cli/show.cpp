#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/findings_table.h"
#include "cli/json_output.h"
#include "cli/outcome_style.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "report/run.h"
#include "report/run_summary.h"

namespace mig_runner::cli {
namespace {

constexpr std::size_t kShownErrors = 10;

struct Options {
  std::string run;
  bool utc = false, json = false;
};

class Show {
 public:
  Show(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    const auto format = TimeFormat::choose(options_.utc);
    if (!format) return complain(context_, format.error(), kExitCannotStart);
    const auto store = open_runs(*tree, "show");
    if (!store) return complain(context_, store.error(), kExitProblem);
    const auto run = find_run(**store, options_.run);
    if (!run) return complain(context_, run.error(), kExitProblem);
    int status = kExitFine;
    if (!run->result_file.empty()) {
      const auto read = summarize(*tree, **store, *run);
      if (!read) status = complain(context_, read.error(), kExitProblem);
    }
    if (options_.json) {
      print_json(context_.streams, report::run_detail_json(*run, file_.string(), summary_));
    } else {
      show_text(*run, *format);
    }
    return status;
  }

 private:
  Result<void> summarize(const Tree& tree, store::RunStore& store, const store::Run& run) {
    const auto file = result_file_of(tree, store, run);
    if (!file) return tl::unexpected(file.error());
    file_ = file->whole();
    auto summary = report::ResultSummary::read(*file);
    if (!summary) return tl::unexpected(summary.error());
    summary_ = std::move(*summary);
    return {};
  }

  void line(const std::string& title, const std::string& text, Style style = Style::plain) const {
    context_.streams.out << "  " << title << std::string(title.size() < 11 ? 11 - title.size() : 1, ' ')
                         << styled(printable(text), style, context_.streams.colour) << '\n';
  }

  void show_text(const store::Run& run, const TimeFormat& format) const {
    auto& out = context_.streams.out;
    out << styled(printable(run.name()), Style::bold, context_.streams.colour) << '\n';
    line("state", report::outcome_text(run), outcome_style(run));
    if (!run.reason.empty()) line("reason", run.reason);
    for (const auto& [what, time] : report::timeline(run)) {
      const auto after = time == run.nominal ? "" : " (" + relative_to(*time, run.nominal) + ")";
      line(what, format.text(*time) + after);
    }
    if (run.attempts > 0) line("attempts", std::to_string(run.attempts));
    if (run.action_id != 0) line("action", std::to_string(run.action_id));
    if (!run.plugin.empty()) line("plugin", run.plugin);
    if (run.stored_at) line("commands", report::commands_text(run) + (run.complete ? ", complete" : ", incomplete"));
    if (!file_.empty()) line("file", file_.string());
    if (!run.launched_by.empty()) line("launched", "by " + run.launched_by);
    if (!run.collected_by.empty()) line("collected", "by " + run.collected_by);
    if (!run.delivered_by.empty()) line("delivered", "by " + run.delivered_by);
    if (summary_) show_agents();
    if (summary_) show_errors();
    if (summary_) show_findings(run);
  }

  static std::string relative_to(Timestamp time, Timestamp nominal) {
    const auto span = span_text(time - nominal);
    if (span == "now") return "at once";
    return span + (time > nominal ? " after" : " before");
  }

  void show_agents() const {
    context_.streams.out << '\n';
    Table table({{"AGENTS"}, {"COUNT", false, true}, {"NAMES", true}});
    for (const auto& [status, outcome] : summary_->by_status)
      table.add({{status.empty() ? "without a status" : status, status == "success" ? Style::green : Style::yellow},
                 std::to_string(outcome.agents),
                 status == "success" ? "" : summary_->names_of(outcome)});
    table.add({"with findings", std::to_string(summary_->found.agents), summary_->names_of(summary_->found)});
    if (summary_->with_errors.agents > 0)
      table.add({{"with errors", Style::yellow},
                 std::to_string(summary_->with_errors.agents),
                 summary_->names_of(summary_->with_errors)});
    table.print(context_.streams);
  }

  void show_errors() const {
    const auto errors = summary_->errors();
    if (errors.empty()) return;
    context_.streams.out << '\n';
    Table table({{"ERROR", true}, {"AGENTS", false, true}, {"NAMES", true}});
    for (std::size_t i = 0; i < errors.size() && i < kShownErrors; ++i) {
      const auto& [text, outcome] = errors[i];
      table.add({{text, Style::yellow}, std::to_string(outcome.agents), summary_->names_of(outcome)});
    }
    table.print(context_.streams);
    if (errors.size() > kShownErrors)
      context_.streams.out << "and " << errors.size() - kShownErrors << " more; --json lists them\n";
  }

  void show_findings(const store::Run& run) const {
    if (summary_->first.empty()) return;
    context_.streams.out << '\n';
    auto table = findings_table();
    for (const auto& finding : summary_->first) table.add(finding_cells(finding, summary_->names));
    table.print(context_.streams);
    if (summary_->findings > summary_->first.size())
      context_.streams.out << "and " << summary_->findings - summary_->first.size() << " more; mig-runner results "
                           << printable(run.job) << " shows those of the newest run\n";
  }

  const Context& context_;
  const Options& options_;
  std::filesystem::path file_;
  std::optional<report::ResultSummary> summary_;
};

}  // namespace

Command show_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "show", "Show one run: its timeline, its agents by outcome, its first findings");
  command.argument("RUN", options->run, kRunHelp).required();
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner show patchlevel@2026-11-23T08:00:00Z");
  return {command, [options, &context] { return Show(context, *options).run(); }};
}

}  // namespace mig_runner::cli
