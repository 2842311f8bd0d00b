#include "report/status.h"

#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/outcome_style.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"

namespace mig_runner::cli {
namespace {

// Lines of one kind.
constexpr int kMostLines = 20;

struct Options {
  bool utc = false, json = false;
};

class Status {
 public:
  Status(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    const auto format = TimeFormat::choose(options_.utc);
    if (!format) return complain(context_, format.error(), kExitCannotStart);
    const auto runner = runner_at_work(*tree);
    if (!runner) return complain(context_, runner.error(), kExitProblem);
    status_.directory = tree->config().directory;
    status_.runner = *runner;
    const auto names = tree->job_names();
    if (names) status_.jobs = names->size();
    const int status = names ? kExitFine : complain(context_, names.error(), kExitProblem);
    if (const auto read = read_runs(*tree); !read) return complain(context_, read.error(), kExitProblem);
    if (options_.json) {
      print_json(context_.streams, report::status_json(status_));
    } else {
      show_text(*format);
    }
    return status_.runner && status_.failed.empty() ? status : kExitProblem;
  }

 private:
  Result<void> read_runs(const Tree& tree) {
    const auto store = open_runs_if_any(tree, "status");
    if (!store) return tl::unexpected(store.error());
    return *store ? status_.read(**store, context_.clock.now()) : Result<void>();
  }

  void show_text(const TimeFormat& format) const {
    auto& out = context_.streams.out;
    const auto line = [&](const char* title, const std::string& text, Style style = Style::plain) {
      out << title << styled(printable(text), style, context_.streams.colour) << '\n';
    };
    line("tree     ", status_.directory.string());
    const auto* idle = status_.members.empty() ? "not at work: nothing is launched or collected"
                                               : "not at work on this tree; the group's members are";
    line("runner   ", status_.runner ? "at work: " + *status_.runner : idle,
         status_.runner ? Style::green : Style::red);
    line("jobs     ", std::to_string(status_.jobs) +
                          (status_.paused.empty() ? "" : ", " + std::to_string(status_.paused.size()) + " paused"));
    for (const auto& [job, pause] : status_.paused)
      line("paused   ", job + " since " + format.text(pause.since), Style::yellow);
    show_members(format);
    show_runs("In flight", "none", status_.in_flight, format);
    show_runs("Waiting for delivery", "none", status_.to_deliver, format);
    show_runs("Failed in the last 24 hours", "none", status_.failed, format,
              status_.failed.size() >= report::kMostFailures);
    if (!status_.remarked.empty())
      show_runs("Ended with a remark in the last 24 hours", "none", status_.remarked, format);
  }

  // Of a group; one runner alone has none.
  void show_members(const TimeFormat& format) const {
    if (status_.members.empty()) return;
    auto& out = context_.streams.out;
    out << '\n' << styled("Members", Style::bold, context_.streams.colour) << ": " << status_.members.size() << '\n';
    Table table({{"MEMBER"}, {"SINCE"}, {"LEASE"}, {"CLOCK"}, {"AT WORK ON", false, true}, {"TREE", true}});
    for (const auto& member : status_.members) {
      const bool live = member.lease_left.count() > 0;
      const auto seconds = [](std::chrono::milliseconds time) { return std::to_string(time.count() / 1000) + " s"; };
      table.add({member.host + '/' + std::to_string(member.process),
                 format.text(member.started),
                 {live ? seconds(member.lease_left) : "ended", live ? Style::plain : Style::red},
                 {seconds(member.clock_ahead), member.able ? Style::plain : Style::red},
                 std::to_string(member.at_work_on),
                 member.tree});
    }
    table.print(context_.streams);
    for (const auto& member : status_.members)
      if (!member.able)
        out << styled(printable(member.host + '/' + std::to_string(member.process) +
                                ": its clock is off, it launches and collects nothing until that is set"),
                      Style::red, context_.streams.colour)
            << '\n';
    const auto differing = report::differences_by_job(status_.differences);
    int shown = 0;
    for (const auto& [job, text] : differing) {
      if (++shown > kMostLines) break;
      out << styled(printable(job + ": " + text), Style::yellow, context_.streams.colour) << '\n';
    }
    if (shown > kMostLines)
      out << "and " << differing.size() - kMostLines << " more jobs differ; mig-runner status --json lists them\n";
  }

  // `more`: than these, whose number is not known.
  void show_runs(const std::string& title, const char* none, const std::vector<store::Run>& runs,
                 const TimeFormat& format, bool more = false) const {
    auto& out = context_.streams.out;
    out << '\n' << styled(title, Style::bold, context_.streams.colour);
    if (runs.empty()) {
      out << ": " << none << '\n';
      return;
    }
    out << ": " << runs.size() << (more ? " or more" : "") << '\n';
    Table table({{"RUN"}, {"STATE"}, {"NEXT"}, {"WHO", true, false, true}, {"REASON", true}});
    for (const auto& run : runs) {
      if (&run - runs.data() == kMostLines) break;
      table.add({run.name(),
                 {report::outcome_text(run), outcome_style(run)},
                 next_text(run, format),
                 report::deeds_text(run),
                 run.reason});
    }
    table.print(context_.streams);
    if (runs.size() > kMostLines)
      out << "and " << (more ? "many" : std::to_string(runs.size() - kMostLines))
          << " more; mig-runner status --json lists them\n";
  }

  std::string next_text(const store::Run& run, const TimeFormat& format) const {
    if (!run.wake) return "-";
    return *run.wake <= context_.clock.now() ? "now" : format.text(*run.wake);
  }

  const Context& context_;
  const Options& options_;
  report::Status status_;
};

}  // namespace

Command status_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "status", "Show whether the runner is at work, what is in flight, what failed");
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner status --utc");
  return {command, [options, &context] { return Status(context, *options).run(); }};
}

}  // namespace mig_runner::cli
