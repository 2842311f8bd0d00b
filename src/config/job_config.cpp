#include "config/job_config.h"

#include <charconv>
#include <limits>

#include "base/names.h"
#include "base/time.h"
#include "config/bind.h"

namespace mig_runner::config {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMany = 1'000'000;

// "30", "720h" or both, separated by a comma.
void bind_keepresults(Binder& binder, std::string_view section, JobSettings& settings) {
  const auto* setting = binder.last(section, "keepresults");
  if (setting == nullptr) return;
  settings.keepresults_count = 0;
  settings.keepresults_age = 0ms;
  std::string_view rest = setting->value;
  const auto refuse = [&] {
    binder.problem(*setting,
                   "\"" + Binder::shown(setting->value) + "\" is not a count, an age, or both, like 30, 720h");
  };
  while (true) {
    auto part = rest.substr(0, rest.find(','));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), count);
    const auto age = parse_go_duration(part);
    if (error == std::errc() && end == part.data() + part.size() && count >= 0) {
      settings.keepresults_count = count;
    } else if (age && age->count() > 0) {
      settings.keepresults_age = std::chrono::ceil<milliseconds>(*age);
    } else {
      return refuse();
    }
    if (rest.find(',') == std::string_view::npos) return;
    rest.remove_prefix(rest.find(',') + 1);
  }
}

}  // namespace

void bind_job_settings(Binder& binder, std::string_view section, JobSettings& settings) {
  binder.text(section, "timezone", settings.timezone);
  binder.choice<CatchUp>(section, "catchup", settings.catchup, {{"skip", CatchUp::skip}, {"latest", CatchUp::latest}});
  binder.duration(section, "startdeadline", settings.startdeadline, 1s);
  binder.choice<Overlap>(section, "overlap", settings.overlap,
                         {{"allow", Overlap::allow}, {"forbid", Overlap::forbid}});
  binder.duration(section, "splay", settings.splay, 0s);
  binder.boolean(section, "enabled", settings.enabled);
  binder.integer(section, "retries", settings.retries, -1, kMany);
  binder.choice<CollectWhen>(section, "collect", settings.collect,
                             {{"expiry", CollectWhen::expiry}, {"completed", CollectWhen::completed}});
  binder.duration(section, "collectdeadline", settings.collectdeadline, 1s);
  binder.integer(section, "pluginretries", settings.pluginretries, 0, kMany);
  binder.duration(section, "plugintimeout", settings.plugintimeout, 1s);
  bind_keepresults(binder, section, settings);
}

JobConfig bind_job_config(std::string_view text, const std::string& file, const JobSettings& defaults,
                          std::vector<Problem>& problems, KnownNames* known) {
  constexpr std::string_view kSection = "configuration";
  JobConfig config;
  config.settings = defaults;
  Binder binder(text, file, problems);
  const bool readable = binder.readable();
  binder.text(kSection, "schedule", config.schedule);
  binder.text(kSection, "plugin", config.plugin);
  if (const auto* expiry = binder.last(kSection, "expiry"); expiry != nullptr && !expiry->value.empty())
    binder.duration(kSection, "expiry", config.expiry, 1s);
  binder.boolean(kSection, "sendonly", config.sendonly);
  bind_job_settings(binder, kSection, config.settings);
  if (const auto* timezone = binder.last(kSection, "timezone"); timezone != nullptr) {
    config.timezone_line = timezone->value_line;
    config.timezone_column = timezone->value_column;
  }
  if (const auto* schedule = binder.last(kSection, "schedule"); schedule != nullptr) {
    config.schedule_line = schedule->value_line;
    config.schedule_column = schedule->value_column;
    if (config.schedule.empty()) binder.problem(*schedule, "it is empty; an hourly job has \"0 * * * *\"");
  } else if (readable) {
    binder.problem("there is no schedule: [configuration] needs schedule = \"0 * * * *\" or the like");
  }
  if (const auto problem = plugin_name_problem(config.plugin); !problem.empty())
    binder.problem(*binder.last(kSection, "plugin"), problem);
  binder.finish(known);
  return config;
}

}  // namespace mig_runner::config
