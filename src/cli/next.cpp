#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/runs.h"
#include "cli/table.h"
#include "cli/times.h"
#include "cli/tree.h"
#include "cron/schedule.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string job, from, zone;
  std::optional<std::string> expression;
  std::size_t count = 10;
  bool utc = false, plain = false, json = false;
};

// A schedule that is asked about.
struct Source {
  std::string job;  // empty: --expr
  std::string expression;
  cron::Schedule schedule;
  cron::Zone zone;
};

struct Upcoming {
  Timestamp time;
  const Source* source;
};

class Next {
 public:
  Next(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    if (const auto status = read_options(); status != kExitFine) return status;
    const auto status = options_.expression ? add_expression() : add_jobs();
    if (status != kExitFine) return status;
    const auto times = upcoming();
    if (options_.json) {
      show_json(times);
    } else if (options_.plain) {
      for (const auto& each : times) context_.streams.out << time_text(each) << '\n';
    } else if (!times.empty()) {
      show_table(times);
    }
    if (sources_.empty())
      return complain(context_, {"no job is enabled and not paused: nothing is launched", {}}, status_);
    if (!times.empty()) return status_;
    return complain(context_, {"there is no time after " + format_utc(from_) + " up to the year 2099", {}},
                    kExitProblem);
  }

 private:
  int read_options() {
    from_ = context_.clock.now();
    if (!options_.from.empty()) {
      const auto from = parse_rfc3339(options_.from);
      if (!from) return complain(context_, {from.error().what, "--from"}, kExitWrongUsage);
      from_ = *from;
    }
    if (options_.zone.empty()) return kExitFine;
    auto zone = cron::Zone::find(options_.zone);
    if (!zone) return complain(context_, {zone.error().text(), "--zone"}, kExitWrongUsage);
    zone_ = std::move(*zone);
    return kExitFine;
  }

  int add_expression() {
    auto schedule = cron::Schedule::parse(*options_.expression);
    if (!schedule) return complain(context_, schedule.error(), kExitProblem);
    auto zone = zone_ ? Result<cron::Zone>(*zone_) : cron::Zone::local();
    if (!zone) return complain(context_, zone.error(), kExitProblem);
    sources_.push_back({"", *options_.expression, std::move(*schedule), std::move(*zone)});
    return kExitFine;
  }

  // The job that was named, or all that are enabled; broken ones are left to `check`, but told.
  int add_jobs() {
    const auto tree = Tree::open(context_.config);
    if (!tree) return complain(context_, tree.error(), kExitCannotStart);
    auto names = std::vector{options_.job};
    if (options_.job.empty()) {
      auto all = tree->job_names();
      if (!all) return complain(context_, all.error(), kExitCannotStart);
      names = std::move(*all);
    }
    read_pauses(*tree);
    for (const auto& name : names) {
      const auto job = tree->job(name);
      if (!job) {
        status_ = complain(context_, job.error(), kExitProblem);
        if (!options_.job.empty()) return status_;
        continue;
      }
      add_job(**job);
    }
    return kExitFine;
  }

  // Where the record cannot be read, nothing is known to be paused: `status` tells why.
  void read_pauses(const Tree& tree) {
    const auto store = open_runs_if_any(tree, "next");
    if (!store || !*store) return;
    if (auto paused = (*store)->paused()) paused_ = std::move(*paused);
  }

  void add_job(const spool::Job& job) {
    const auto& settings = job.config.settings;
    const bool paused = paused_.contains(job.name);
    if ((!settings.enabled || paused) && options_.job.empty()) return;
    if (!settings.enabled || paused)
      context_.streams.err << "mig-runner: the job is " << (paused ? "paused" : "disabled")
                           << ": it is not launched then\n";
    if (settings.splay.count() > 0 && !options_.job.empty())
      context_.streams.err << "mig-runner: it is launched up to " << span_text(settings.splay) << " later (splay)\n";
    sources_.push_back({job.name, job.config.schedule, job.schedule, zone_.value_or(job.zone)});
  }

  // The next times of all sources together, in order.
  std::vector<Upcoming> upcoming() const {
    std::vector<Upcoming> times;
    for (const auto& source : sources_) {
      auto after = from_;
      for (std::size_t i = 0; i < options_.count; ++i) {
        const auto time = source.schedule.next(after, source.zone);
        if (!time) break;
        times.push_back({*time, &source});
        after = *time;
      }
    }
    std::stable_sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
    if (times.size() > options_.count)
      times.erase(times.begin() + static_cast<std::ptrdiff_t>(options_.count), times.end());
    return times;
  }

  std::string time_text(const Upcoming& each) const {
    return (options_.utc ? TimeFormat::utc() : TimeFormat::in(each.source->zone)).text(each.time);
  }

  void show_json(const std::vector<Upcoming>& times) const {
    Json list = Json::array();
    for (const auto& [time, source] : times)
      list.push_back({{"time", json_time(time)},
                      {"job", json_text(source->job)},
                      {"schedule", source->expression},
                      {"description", source->schedule.describe()},
                      {"timezone", source->zone.name()}});
    print_json(context_.streams, {{"times", std::move(list)}});
  }

  void show_table(const std::vector<Upcoming>& times) const {
    const bool of_one = options_.expression.has_value() || !options_.job.empty();
    if (of_one) {
      const auto& source = sources_.front();
      context_.streams.out << printable(source.schedule.describe() + ", " + source.zone.name()) << "\n\n";
    }
    std::vector<Table::Column> columns{{"TIME"}, {"IN"}};
    if (!of_one) columns.insert(columns.end(), {{"JOB", true}, {"SCHEDULE", true}});
    Table table(std::move(columns));
    for (const auto& each : times) {
      const auto away = relative_text(each.time, context_.clock.now());
      std::vector<Table::Cell> cells{time_text(each), away.starts_with("in ") ? away.substr(3) : away};
      if (!of_one) {
        cells.emplace_back(each.source->job);
        cells.emplace_back(each.source->schedule.describe());
      }
      table.add(std::move(cells));
    }
    table.print(context_.streams);
  }

  const Context& context_;
  const Options& options_;
  Timestamp from_{};
  int status_ = kExitFine;
  std::optional<cron::Zone> zone_;
  std::map<std::string, store::Pause> paused_;
  std::vector<Source> sources_;
};

}  // namespace

Command next_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "next", "Show when jobs are launched next");
  const auto job = command.argument("JOB", options->job, "only this job; else all that are launched");
  command.option("--expr", options->expression, "a cron expression instead of a job; needs no configuration")
      .takes("EXPR")
      .excludes(job);
  command.option("-n", options->count, "how many times").takes("N").between(1, 100'000).shows_default();
  command.option("--from", options->from, "times later than this one (RFC 3339) instead of now").takes("TIME");
  command.option("--zone", options->zone, "time zone instead of the job's or the machine's").takes("ZONE");
  command.flag("--utc", options->utc, "show times in UTC (RFC 3339)");
  command.flag("--plain", options->plain, "only the times, one a line");
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner next --expr \"30 2 * * mon\" --zone Europe/Berlin -n 3");
  return {command, [options, &context] { return Next(context, *options).run(); }};
}

}  // namespace mig_runner::cli
