#include <algorithm>
#include <memory>
#include <ostream>

#include "base/text.h"
#include "cli/api_access.h"
#include "cli/check_access.h"
#include "cli/check_online.h"
#include "cli/checks.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/tree.h"
#include "daemon/configuration.h"
#include "mig/action.h"
#include "stages/run_flow.h"
#include "store/run_store.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::vector<std::string> jobs;
  bool online = false;
  bool strict = false;
  bool json = false;
};

struct Found {
  config::Problem problem;
  std::string job;  // empty: of the configuration
};

class Check {
 public:
  Check(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto now = context_.clock.now();
    auto configuration = check_configuration(context_.config, now);
    add(std::move(configuration.problems), "");
    if (configuration.runner) look_at_writers(*configuration.runner, configuration.client);
    if (configuration.runner && !configuration.runner->directory.empty())
      check_jobs(*configuration.runner, job_check_context(*configuration.runner, configuration.client, now));
    if (writers_)
      for (auto& [problem, job] : writers_->found()) found_.push_back({std::move(problem), job});
    if (options_.online && configuration.runner) ask_database(*configuration.runner);
    if (options_.online) ask_api(configuration);
    const auto errors = count(true);
    const auto warnings = count(false);
    if (options_.json) {
      show_json(errors, warnings);
    } else {
      show_text(errors, warnings);
      show_targets();
    }
    return errors > 0 || (options_.strict && warnings > 0) ? kExitProblem : kExitFine;
  }

 private:
  void add(Problems problems, const std::string& job) {
    for (auto& problem : problems) found_.push_back({std::move(problem), job});
  }

  std::size_t count(bool fatal) const {
    return static_cast<std::size_t>(
        std::count_if(found_.begin(), found_.end(), [&](const auto& each) { return each.problem.fatal == fatal; }));
  }

  void look_at_writers(const config::RunnerConfig& runner, const std::optional<config::ClientConfig>& client) {
    judged_ = JudgedUser::of(runner.directory);
    writers_.emplace(judged_->id());
    writers_->look_at(stages::guarded_configuration(context_.config, config::client_config_path(runner.clientconfpath),
                                                    client ? client->gpg_home : ""));
    if (!runner.passphrasefile.empty()) writers_->look_at({{runner.passphrasefile, "whether the key can be used"}});
    if (!runner.directory.empty()) writers_->look_at(stages::guarded_tree(runner.directory));
  }

  void check_jobs(const config::RunnerConfig& runner, const JobCheckContext& context) {
    const auto all = job_directories(context.runners);
    if (!all) {
      // One that is not there is told with the configuration.
      if (all.error().retry == Retry::later) add({{all.error().where, 0, 0, all.error().what}}, "");
      return;
    }
    for (const auto& name : options_.jobs)
      if (!std::binary_search(all->begin(), all->end(), name))
        add({{context.runners, 0, 0, no_such_job(name, *all)}}, name);
    for (const auto& name : *all) {
      const auto& wanted = options_.jobs;
      if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
      ++jobs_;
      auto checked = check_job(context, name);
      const auto plugin = checked.value ? checked.value->config.plugin : "";
      writers_->look_at(stages::guarded_job(runner.directory, name, plugin), name);
      if (checked.value && !checked.value->config.sendonly)
        check_results_directory(context.runners / name, *judged_, context.now, checked.problems);
      add(std::move(checked.problems), name);
      if (options_.online && checked.value) add_target(context, *checked.value);
    }
  }

  void add_target(const JobCheckContext& context, const spool::Job& job) {
    auto action = job.action();
    if (context.macros) stages::expand_macro(action, *context.macros);
    targets_.push_back({job.name, context.runners / job.name / "action.json", action.target(), job.config.expiry});
  }

  // Of a group; what is wrong with its URI is told with the configuration.
  void ask_database(const config::RunnerConfig& runner) {
    const auto location = daemon::store_location(runner);
    if (!location || !location->is_postgresql()) return;
    const auto store = store::RunStore::open_beside(*location, "check");
    if (!store) add({{context_.config, 0, 0, "runner.store: " + store.error().text()}}, "");
  }

  void ask_api(const ConfigurationCheck& configuration) {
    const auto without = [&](const std::string& why) { complain(context_, {"the API is not asked: " + why, {}}, 0); };
    if (!configuration.client || configuration.client->api_url.empty()) return without("its address is not known");
    if (!configuration.key) return without("there is no key to sign with");
    const auto& client = *configuration.client;
    const auto access = open_api(client, *configuration.key, context_.clock);
    if (!access) return without(access.error().text());
    online_ = check_online(*access->client, targets_, context_.clock);
    url_ = access->client->address();
    for (auto& [job, problem] : online_->problems) add({problem}, job);
  }

  void show_targets() const {
    if (!online_ || online_->targets.empty()) return;
    Table table({{"JOB", true}, {"AGENTS", false, true}, {"TARGET", true}});
    for (const auto& [job, target, agents] : online_->targets)
      table.add({job, agents ? std::to_string(*agents) : "-", target});
    context_.streams.out << '\n';
    table.print(context_.streams);
  }

  Json online_json() const {
    if (!online_) return {};
    Json targets = Json::array();
    for (const auto& [job, target, agents] : online_->targets)
      targets.push_back({{"job", job}, {"target", target}, {"agents", agents ? Json(*agents) : Json()}});
    const auto ahead = online_->skew ? Json(std::chrono::round<std::chrono::seconds>(*online_->skew).count()) : Json();
    return {{"url", url_},
            {"reachable", online_->reachable},
            {"accepted", online_->accepted},
            {"clock_ahead_seconds", ahead},
            {"targets", std::move(targets)}};
  }

  void show_text(std::size_t errors, std::size_t warnings) const {
    const auto& [out, err, colour, width] = context_.streams;
    for (const auto& [problem, job] : found_) {
      auto place = problem;
      place.message.clear();
      out << printable(place.text())
          << styled(problem.fatal ? "error" : "warning", problem.fatal ? Style::red : Style::yellow, colour) << ": "
          << printable(problem.message) << '\n';
    }
    if (errors + warnings == 0) {
      out << counted(jobs_, "job") << ", no problems\n";
    } else {
      std::string total = errors > 0 ? counted(errors, "error") : "";
      if (warnings > 0) total += (total.empty() ? "" : " and ") + counted(warnings, "warning");
      out << total << " in the configuration and " << counted(jobs_, "job") << '\n';
    }
    if (judged_) out << "access judged as " << printable(judged_->text()) << '\n';
  }

  void show_json(std::size_t errors, std::size_t warnings) const {
    Json list = Json::array();
    for (const auto& [problem, job] : found_) {
      auto entry = problem_json(problem);
      entry["job"] = json_text(job);
      list.push_back(std::move(entry));
    }
    print_json(context_.streams, {{"jobs", jobs_},
                                  {"errors", errors},
                                  {"warnings", warnings},
                                  {"problems", std::move(list)},
                                  {"judged_as", judged_ ? json_text(judged_->text()) : Json()},
                                  {"online", online_json()}});
  }

  const Context& context_;
  const Options& options_;
  std::size_t jobs_ = 0;
  std::vector<Found> found_;
  std::optional<JudgedUser> judged_;
  std::optional<OtherWriters> writers_;
  std::vector<JobTarget> targets_;
  std::optional<OnlineCheck> online_;
  std::string url_;
};

}  // namespace

Command check_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "check", "Look for everything that is wrong in the configuration and the jobs");
  command.argument("JOB", options->jobs, "only these jobs, and the configuration");
  command.flag("--online", options->online,
               "ask the API too (clock, key, how many agents each target matches), and the database");
  command.flag("--strict", options->strict, "exit 1 for warnings too");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner check -c /etc/mig/runner.cfg patchlevel");
  return {command, [options, &context] { return Check(context, *options).run(); }};
}

}  // namespace mig_runner::cli
