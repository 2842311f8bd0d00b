#include <array>
#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/run_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "daemon/group_watch.h"

namespace mig_runner::cli {
namespace {

// How far back failures are shown, and how many lines of anything.
constexpr std::chrono::hours kLately{24};
constexpr int kMostLines = 20;
constexpr int kMostFailures = 1000;
// Runs that are looked through for those with something to say of their results.
constexpr int kMostLookedAt = 10'000;

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
    runner_ = *runner;
    const auto names = tree->job_names();
    if (names) jobs_ = names->size();
    const int status = names ? kExitFine : complain(context_, names.error(), kExitProblem);
    if (const auto read = read_runs(*tree); !read) return complain(context_, read.error(), kExitProblem);
    if (options_.json) {
      show_json(*tree);
    } else {
      show_text(*tree, *format);
    }
    return runner_ && failed_.empty() ? status : kExitProblem;
  }

 private:
  Result<void> read_runs(const Tree& tree) {
    const auto store = open_runs_if_any(tree, "status");
    if (!store) return tl::unexpected(store.error());
    if (!*store) return {};
    for (const auto state : {store::RunState::due, store::RunState::signed_, store::RunState::unknown,
                             store::RunState::posted, store::RunState::stored}) {
      auto waiting = (*store)->waiting(state);
      if (!waiting) return tl::unexpected(waiting.error());
      auto& list = state == store::RunState::stored ? to_deliver_ : in_flight_;
      list.insert(list.end(), waiting->begin(), waiting->end());
    }
    auto failed = (*store)->failed_since(context_.clock.now() - kLately, kMostFailures);
    if (!failed) return tl::unexpected(failed.error());
    failed_ = std::move(*failed);
    static constexpr std::array kWithResults{store::RunState::stored, store::RunState::delivered};
    auto ended = (*store)->history("", kMostLookedAt, kWithResults);
    if (!ended) return tl::unexpected(ended.error());
    for (auto& run : *ended)
      if (!run.wake && run.nominal >= context_.clock.now() - kLately && has_remark(run))
        remarked_.push_back(std::move(run));
    auto counts = (*store)->counts();
    if (!counts) return tl::unexpected(counts.error());
    counts_ = std::move(*counts);
    auto paused = (*store)->paused();
    if (!paused) return tl::unexpected(paused.error());
    paused_ = std::move(*paused);
    auto members = (*store)->members();
    if (!members) return tl::unexpected(members.error());
    members_ = std::move(*members);
    auto differences = (*store)->job_differences();
    if (!differences) return tl::unexpected(differences.error());
    differences_ = std::move(*differences);
    return {};
  }

  void show_json(const Tree& tree) const {
    const auto list = [](const std::vector<store::Run>& runs) {
      Json all = Json::array();
      for (const auto& run : runs) all.push_back(run_json(run));
      return all;
    };
    Json counts = Json::object();
    for (const auto& [state, count] : counts_) counts[std::string(store::state_name(state))] = count;
    Json paused = Json::array();
    for (const auto& [job, pause] : paused_) paused.push_back({{"job", job}, {"since", json_time(pause.since)}});
    Json members = Json::array();
    for (const auto& member : members_)
      members.push_back({{"member", member.id},
                         {"host", member.host},
                         {"process", member.process},
                         {"tree", member.tree},
                         {"since", json_time(member.started)},
                         {"lease_seconds", std::chrono::duration<double>(member.lease_left).count()},
                         {"clock_ahead_seconds", std::chrono::duration<double>(member.clock_ahead).count()},
                         {"able", member.able},
                         {"at_work_on", member.at_work_on}});
    Json differences = Json::array();
    for (const auto& [job, member, hash] : differences_)
      differences.push_back({{"job", job}, {"member", member}, {"version", hash.empty() ? Json() : Json(hash)}});
    print_json(context_.streams, {{"directory", tree.config().directory.string()},
                                  {"running", runner_.has_value()},
                                  {"runner", runner_ ? Json(*runner_) : Json()},
                                  {"jobs", jobs_},
                                  {"paused", std::move(paused)},
                                  {"members", std::move(members)},
                                  {"differing_jobs", std::move(differences)},
                                  {"runs", std::move(counts)},
                                  {"in_flight", list(in_flight_)},
                                  {"to_deliver", list(to_deliver_)},
                                  {"failed_lately", list(failed_)},
                                  {"remarked_lately", list(remarked_)}});
  }

  void show_text(const Tree& tree, const TimeFormat& format) const {
    auto& out = context_.streams.out;
    const auto line = [&](const char* title, const std::string& text, Style style = Style::plain) {
      out << title << styled(printable(text), style, context_.streams.colour) << '\n';
    };
    line("tree     ", tree.config().directory.string());
    const auto* idle = members_.empty() ? "not at work: nothing is launched or collected"
                                        : "not at work on this tree; the group's members are";
    line("runner   ", runner_ ? "at work: " + *runner_ : idle, runner_ ? Style::green : Style::red);
    line("jobs     ",
         std::to_string(jobs_) + (paused_.empty() ? "" : ", " + std::to_string(paused_.size()) + " paused"));
    for (const auto& [job, pause] : paused_)
      line("paused   ", job + " since " + format.text(pause.since), Style::yellow);
    show_members(format);
    show_runs("In flight", "none", in_flight_, format);
    show_runs("Waiting for delivery", "none", to_deliver_, format);
    show_runs("Failed in the last 24 hours", "none", failed_, format, failed_.size() >= kMostFailures);
    if (!remarked_.empty()) show_runs("Ended with a remark in the last 24 hours", "none", remarked_, format);
  }

  // Of a group; one runner alone has none.
  void show_members(const TimeFormat& format) const {
    if (members_.empty()) return;
    auto& out = context_.streams.out;
    out << '\n' << styled("Members", Style::bold, context_.streams.colour) << ": " << members_.size() << '\n';
    Table table({{"MEMBER"}, {"SINCE"}, {"LEASE"}, {"CLOCK"}, {"AT WORK ON", false, true}, {"TREE", true}});
    for (const auto& member : members_) {
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
    for (const auto& member : members_)
      if (!member.able)
        out << styled(printable(member.host + '/' + std::to_string(member.process) +
                                ": its clock is off, it launches and collects nothing until that is set"),
                      Style::red, context_.streams.colour)
            << '\n';
    const auto differing = daemon::differences_by_job(differences_);
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
      table.add(
          {run.name(), {outcome_text(run), outcome_style(run)}, next_text(run, format), deeds_text(run), run.reason});
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
  std::optional<std::string> runner_;
  std::size_t jobs_ = 0;
  std::map<store::RunState, std::int64_t> counts_;
  std::map<std::string, store::Pause> paused_;
  std::vector<store::Member> members_;
  std::vector<store::JobDifference> differences_;
  std::vector<store::Run> in_flight_, to_deliver_, failed_, remarked_;
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
