#include <algorithm>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <system_error>

#include "cli/command.h"
#include "cli/findings.h"
#include "cli/run_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"

namespace mig_runner::cli {
namespace {

constexpr std::size_t kFirstFindings = 10;
constexpr std::size_t kNamedAgents = 5;
constexpr std::size_t kShownErrors = 10;
constexpr std::size_t kMostErrors = 1000;  // different texts that are counted

struct Options {
  std::string run;
  bool utc = false, json = false;
};

struct Outcome {
  std::size_t agents = 0;
  std::vector<Agent> first;  // of them
};

// What a result file says, in numbers.
struct Summary {
  std::map<std::string, Outcome> by_status;
  std::map<std::string, Outcome> by_error;
  Outcome found, with_errors;
  AgentNames names;
  std::size_t findings = 0;
  std::vector<Finding> first;

  void add(const AgentAnswer& answer) {
    names.add(answer.agent);
    count(by_status[answer.status], answer.agent);
    if (!answer.findings.empty()) count(found, answer.agent);
    if (!answer.errors.empty()) count(with_errors, answer.agent);
    for (const auto& error : std::set<std::string>(answer.errors.begin(), answer.errors.end()))
      if (by_error.size() < kMostErrors || by_error.contains(error)) count(by_error[error], answer.agent);
    findings += answer.findings.size();
    for (const auto& finding : answer.findings)
      if (first.size() < kFirstFindings) first.push_back(finding);
  }

  std::string names_of(const Outcome& outcome) const {
    std::string text;
    for (const auto& agent : outcome.first) text += (text.empty() ? "" : ", ") + names.shown(agent);
    return text + (outcome.agents > outcome.first.size() ? ", .." : "");
  }

  // Those of most agents first.
  std::vector<std::pair<std::string, Outcome>> errors() const {
    std::vector<std::pair<std::string, Outcome>> order(by_error.begin(), by_error.end());
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.second.agents > b.second.agents; });
    return order;
  }

 private:
  static void count(Outcome& outcome, const Agent& agent) {
    ++outcome.agents;
    if (outcome.first.size() < kNamedAgents) outcome.first.push_back(agent);
  }
};

struct Event {
  const char* what;
  std::optional<Timestamp> time;
};

const char* next_step(store::RunState state) {
  if (state == store::RunState::posted) return "to collect";
  return state == store::RunState::stored ? "to deliver" : "to launch";
}

std::vector<Event> timeline(const store::Run& run) {
  // Before it was posted, its expiry is only that of its last try.
  std::vector<Event> events{{"nominal", run.nominal},
                            {"posted", run.posted_at},
                            {"expires", run.posted_at ? run.expire_after : std::nullopt},
                            {"collected", run.stored_at},
                            {"delivered", run.delivered_at},
                            {next_step(run.state), run.wake}};
  std::erase_if(events, [](const Event& event) { return !event.time; });
  return events;
}

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
      show_json(*run);
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
    Summary summary;
    auto read = read_answers(*file, [&](const AgentAnswer& answer) { summary.add(answer); });
    if (read) summary_ = std::move(summary);
    return read;
  }

  void show_json(const store::Run& run) const {
    auto json = run_json(run);
    if (summary_) {
      json["path"] = file_.string();
      Json agents = Json::object();
      for (const auto& [status, outcome] : summary_->by_status) agents[status] = outcome.agents;
      Json first = Json::array();
      for (const auto& finding : summary_->first) first.push_back(finding_json(finding));
      json["agents"] = std::move(agents);
      json["agents_with_findings"] = summary_->found.agents;
      json["agents_with_errors"] = summary_->with_errors.agents;
      Json errors = Json::array();
      for (const auto& [text, outcome] : summary_->errors())
        errors.push_back({{"error", text}, {"agents", outcome.agents}});
      json["errors"] = std::move(errors);
      json["findings"] = summary_->findings;
      json["first_findings"] = std::move(first);
    }
    print_json(context_.streams, json);
  }

  void line(const std::string& title, const std::string& text, Style style = Style::plain) const {
    context_.streams.out << "  " << title << std::string(title.size() < 11 ? 11 - title.size() : 1, ' ')
                         << styled(printable(text), style, context_.streams.colour) << '\n';
  }

  void show_text(const store::Run& run, const TimeFormat& format) const {
    auto& out = context_.streams.out;
    out << styled(printable(run.name()), Style::bold, context_.streams.colour) << '\n';
    line("state", outcome_text(run), outcome_style(run));
    if (!run.reason.empty()) line("reason", run.reason);
    for (const auto& [what, time] : timeline(run)) {
      const auto after = time == run.nominal ? "" : " (" + relative_to(*time, run.nominal) + ")";
      line(what, format.text(*time) + after);
    }
    if (run.attempts > 0) line("attempts", std::to_string(run.attempts));
    if (run.action_id != 0) line("action", std::to_string(run.action_id));
    if (!run.plugin.empty()) line("plugin", run.plugin);
    if (run.stored_at) line("commands", commands_text(run) + (run.complete ? ", complete" : ", incomplete"));
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
  std::optional<Summary> summary_;
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
