#include <algorithm>
#include <iterator>
#include <sstream>

#include "base/file_status.h"
#include "base/names.h"
#include "base/nearest.h"
#include "cli/checks.h"
#include "cli/times.h"
#include "config/bind.h"
#include "config/tree_layout.h"
#include "spool/job_reader.h"
#include "spool/spool.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;
using config::Problem;

constexpr auto kOften = std::chrono::seconds(10);
// As many as show each pair of neighbours: a schedule has at most 60 times within a minute, the same in each.
constexpr int kLookedAt = 64;

// A file that seems to be meant as one that is missing.
void check_file_names(const fs::path& directory, const std::vector<std::string>& names, Problems& problems) {
  for (const std::string wanted : {"entity.cfg", "action.json"}) {
    if (std::binary_search(names.begin(), names.end(), wanted)) continue;
    for (const auto& name : names)
      if (name != "entity.cfg" && name != "action.json" && nearest_name(name, {wanted}) == wanted)
        problems.push_back({directory / name, 0, 0, "it is not read: its name has to be " + wanted, false});
  }
}

void check_schedule(const spool::Job& job, const fs::path& entity_cfg, Timestamp now, Problems& problems) {
  const auto add = [&](std::string message, bool fatal) {
    problems.push_back({entity_cfg, job.config.schedule_line, job.config.schedule_column, std::move(message), fatal});
  };
  auto time = job.schedule.next(now, job.zone);
  if (!time) return add("its times are all past: it is never launched again", true);
  for (int i = 0; i < kLookedAt; ++i) {
    const auto following = job.schedule.next(*time, job.zone);
    if (!following) return;
    if (*following - *time < kOften)
      return add("it is launched every " + span_text(*following - *time) +
                     " at times, which is more often than agents ask for work",
                 false);
    time = following;
  }
}

// As Quartz has it: "0 0 8 * * ?" begins with seconds there. No value after the day of week is worth a "?" here.
void check_field_count(const spool::Job& job, const fs::path& entity_cfg, Problems& problems) {
  std::istringstream words(job.config.schedule);
  const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
  if (fields.size() != 6 || fields.back() != "?") return;
  problems.push_back({entity_cfg, job.config.schedule_line, job.config.schedule_column,
                      "the last of six fields is the year, so that this is launched " + job.schedule.describe() +
                          "; a schedule that begins with seconds has seven fields: \"" + job.config.schedule + " *\"",
                      false});
}

// "patchlevel" of the names that editors, package managers and people give to copies of it; empty: it is none.
std::string copied_from(const std::string& name) {
  if (name.size() > 2 && name.starts_with('#') && name.ends_with('#')) return name.substr(1, name.size() - 2);
  for (const std::string_view ending :
       {"~", ".bak", ".orig", ".old", ".save", ".copy", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-bak",
        ".dpkg-tmp", ".ucf-old", ".ucf-dist", ".ucf-new", ".rpmsave", ".rpmorig", ".rpmnew", ".pacsave", ".pacnew"})
    if (name.size() > ending.size() && name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  return "";
}

void check_copy(const spool::Job& job, const fs::path& directory, Problems& problems) {
  const auto original = copied_from(job.name);
  if (original.empty() || !job.config.settings.enabled) return;
  problems.push_back({directory, 0, 0,
                      "it looks like a copy of the job \"" + original +
                          "\", and is launched as a job of its own: move it out of runners/, or begin its name with a "
                          "dot",
                      false});
}

// Of a file with mistakes too.
void check_delivery(const JobCheckContext& context, const std::string& text, const fs::path& entity_cfg,
                    Problems& problems) {
  Problems told;
  const auto config = config::bind_job_config(text, entity_cfg, context.defaults, told);
  const bool plain_name = plugin_name_problem(config.plugin).empty();
  if (!config.plugin.empty() && plain_name) check_plugin(context.plugins, config.plugin, entity_cfg, problems);
  if (!config.plugin.empty() && config.sendonly)
    problems.push_back({entity_cfg, 0, 0, "with sendonly there are no results: its plugin is never run", false});
}

}  // namespace

JobCheckContext job_check_context(const config::RunnerConfig& runner, const std::optional<config::ClientConfig>& client,
                                  Timestamp now) {
  JobCheckContext context{
      config::runners_in(runner.directory), config::plugins_in(runner.directory), runner.job_defaults, {}, now};
  auto& timezone = context.defaults.timezone;
  if (!timezone.empty() && !cron::Zone::find(timezone)) timezone = "UTC";
  if (client) context.macros = client->macros;
  return context;
}

config::Checked<spool::Job> check_job(const JobCheckContext& context, const std::string& name) {
  const auto directory = context.runners / name;
  config::Checked<spool::Job> checked;
  auto& problems = checked.problems;
  if (auto problem = job_name_problem(name); !problem.empty()) {
    problems.push_back({directory, 0, 0, std::move(problem)});
    return checked;
  }
  const auto found = names_in(directory);
  if (!found) {
    problems.push_back({found.error().where, 0, 0, found.error().what});
    return checked;
  }
  const auto names = found->value_or(std::vector<std::string>());
  const auto has = [&](const char* file) { return std::binary_search(names.begin(), names.end(), file); };
  check_file_names(directory, names, problems);
  if (!has("entity.cfg") && !has("action.json")) {
    // What a removed job leaves behind is no mistake.
    if (!has("results") && !has("inflight"))
      problems.push_back({directory, 0, 0, "there is no job in it: entity.cfg and action.json are missing", false});
    return checked;
  }
  const auto files = spool::read_job_files(directory);
  auto read = spool::read_job(files, name, context.defaults);
  problems.insert(problems.end(), read.problems.begin(), read.problems.end());
  checked.value = std::move(read.value);
  const auto& entity_cfg = files.entity_path;
  const auto& action_json = files.action_path;
  if (checked.value) {
    check_copy(*checked.value, directory, problems);
    check_schedule(*checked.value, entity_cfg, context.now, problems);
    check_field_count(*checked.value, entity_cfg, problems);
  }
  if (files.entity) check_delivery(context, *files.entity, entity_cfg, problems);
  if (files.action) check_action(action_json, *files.action, context.macros, problems);
  return checked;
}

}  // namespace mig_runner::cli
