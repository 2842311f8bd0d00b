#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>
#include <set>

#include "base/text.h"
#include "cli/command.h"
#include "cli/findings.h"
#include "cli/run_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"

namespace mig_runner::cli {
namespace {

constexpr std::size_t kNamedAgents = 10;

struct Options {
  std::string job;
  std::size_t last = 1;
  bool changed = false, utc = false, json = false;
};

using Agents = std::set<Agent>;

// What one run found, and who answered it.
struct Found {
  store::Run run;
  std::set<Finding> findings;
  Agents answered;
  Agents in_part;                                   // of these: some of what they were asked for failed
  std::set<std::pair<Agent, std::string>> modules;  // what they did

  void add(AgentAnswer answer) {
    if (answer.answered()) answered.insert(answer.agent);
    if (answer.in_part()) in_part.insert(answer.agent);
    for (const auto& [module, done] : answer.modules)
      if (done) modules.emplace(answer.agent, module);
    findings.merge(answer.findings);
  }
};

Agents without(const Agents& all, const Agents& some) {
  Agents rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::inserter(rest, rest.end()));
  return rest;
}

// Agents that answered both runs, and one of them only in part.
Agents compared_in_part(const Found& one, const Found& other) {
  Agents agents;
  for (const auto* found : {&one, &other})
    for (const auto& agent : found->in_part)
      if (one.answered.contains(agent) && other.answered.contains(agent)) agents.insert(agent);
  return agents;
}

// Findings of one run that the other does not have, although the same agents finished the same modules there.
std::vector<Finding> only_in(const Found& one, const Found& other) {
  std::vector<Finding> only;
  for (const auto& finding : one.findings)
    if (other.modules.contains({finding.agent, finding.module}) && !other.findings.contains(finding))
      only.push_back(finding);
  return only;
}

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
      Found found{run, {}, {}, {}, {}};
      const auto file = result_file_of(tree, store, run);
      if (!file) return tl::unexpected(file.error());
      const auto read = read_answers(*file, [&](AgentAnswer answer) {
        // An agent that has another name since is the same one; the newest run is read first.
        if (answer.agent.id != 0) {
          const auto& name = names_by_id_.try_emplace(answer.agent.id, answer.agent.name).first->second;
          if (name != answer.agent.name) answer.rename(name);
        }
        names_.add(answer.agent);
        found.add(std::move(answer));
      });
      if (!read) return read;
      found_.push_back(std::move(found));
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

  std::string title(const Found& found, const TimeFormat& format) const {
    return printable(found.run.name()) + ", " + format.text(found.run.nominal) + ": " +
           counted(found.findings.size(), "finding") + ", " + counted(found.answered.size(), "agent") + " answered" +
           (found.run.complete ? "" : ", INCOMPLETE");
  }

  int show_findings(const TimeFormat& format) const {
    if (options_.json) {
      Json list = Json::array();
      for (const auto& found : found_) list.push_back(found_json(found));
      print_json(context_.streams, {{"runs", std::move(list)}});
      return kExitFine;
    }
    for (const auto& found : found_) {
      if (&found != found_.data()) context_.streams.out << '\n';
      context_.streams.out << styled(title(found, format), Style::bold, context_.streams.colour) << '\n';
      if (found.findings.empty()) continue;
      auto table = findings_table();
      for (const auto& finding : found.findings) table.add(finding_cells(finding, names_));
      table.print(context_.streams);
    }
    return kExitFine;
  }

  static Json found_json(const Found& found) {
    Json findings = Json::array();
    for (const auto& finding : found.findings) findings.push_back(finding_json(finding));
    return {{"run", found.run.name()},
            {"complete", found.run.complete},
            {"agents_answered", found.answered.size()},
            {"findings", std::move(findings)}};
  }

  int show_changes(const TimeFormat& format) const {
    if (found_.size() < 2)
      return complain(context_, {"there is only one run with results: nothing to compare it with", options_.job},
                      kExitProblem);
    const auto& now = found_[0];
    const auto& before = found_[1];
    const auto fresh = only_in(now, before);
    const auto gone = only_in(before, now);
    const auto silent = without(before.answered, now.answered);
    const auto joined = without(now.answered, before.answered);
    const auto in_part = compared_in_part(now, before);
    if (options_.json) {
      const auto list = [](const std::vector<Finding>& findings) {
        Json all = Json::array();
        for (const auto& finding : findings) all.push_back(finding_json(finding));
        return all;
      };
      print_json(context_.streams, {{"run", now.run.name()},
                                    {"before", before.run.name()},
                                    {"new", list(fresh)},
                                    {"gone", list(gone)},
                                    {"agents_only_before", agents_json(silent)},
                                    {"agents_only_now", agents_json(joined)},
                                    {"agents_compared_in_part", agents_json(in_part)}});
      return kExitFine;
    }
    auto& out = context_.streams.out;
    out << "now     " << title(now, format) << '\n' << "before  " << title(before, format) << "\n\n";
    show_difference(fresh, gone);
    show_agents("answered before and not now, their findings are not compared", silent);
    show_agents("answered now and not before, their findings are not compared", joined);
    show_agents("failed in part in one of the two, findings of what failed are not compared", in_part);
    return kExitFine;
  }

  Json agents_json(const Agents& agents) const {
    Json list = Json::array();
    for (const auto& agent : agents) list.push_back(names_.shown(agent));
    return list;
  }

  void show_difference(const std::vector<Finding>& fresh, const std::vector<Finding>& gone) const {
    if (fresh.empty() && gone.empty()) {
      context_.streams.out << "no difference\n";
      return;
    }
    Table table({{"CHANGE"}, {"AGENT", true}, {"MODULE"}, {"SEARCH", true}, {"FOUND", true}});
    const auto add = [&](const char* change, Style style, const std::vector<Finding>& findings) {
      for (const auto& finding : findings) {
        auto cells = finding_cells(finding, names_);
        cells.insert(cells.begin(), {change, style});
        table.add(std::move(cells));
      }
    };
    add("new", Style::yellow, fresh);
    add("gone", Style::dim, gone);
    table.print(context_.streams);
  }

  void show_agents(const char* what, const Agents& agents) const {
    if (agents.empty()) return;
    context_.streams.out << '\n' << counted(agents.size(), "agent") << ' ' << what << ": ";
    std::size_t shown = 0;
    for (const auto& agent : agents) {
      if (shown == kNamedAgents) break;
      context_.streams.out << (shown++ == 0 ? "" : ", ") << printable(names_.shown(agent));
    }
    context_.streams.out << (agents.size() > shown ? ", ..\n" : "\n");
  }

  const Context& context_;
  const Options& options_;
  std::vector<Found> found_;  // newest first
  AgentNames names_;
  std::map<std::int64_t, std::string> names_by_id_;  // the newest
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
