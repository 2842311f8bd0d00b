#include "runner/adoption.h"

#include "base/file_status.h"
#include "base/names.h"
#include "base/path_below.h"
#include "config/tree_layout.h"
#include "mig/result_document.h"
#include "runner/run_files.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20U;

void set_aside(const StageContext& context, const PathBelow& path, const std::string& why) {
  const auto aside = path.with(".damaged");
  const auto moved = rename_below(path, aside.relative.filename());
  context.log.error(
      "The record of a launched action cannot be read, " +
      (moved ? "set aside as " + aside.whole().string() : "and not be set aside (" + moved.error().text() + ")") +
      ": " + why);
}

// True where the record was new.
bool adopt(const StageContext& context, const std::string& job, const PathBelow& path, Timestamp now) {
  const auto not_taken = [&](const std::string& why) {
    context.log.error(path.whole().string() + ": not taken over: " + why);
    return false;
  };
  const auto text = read_file_below(path, kMaxRecordBytes);
  if (!text) return not_taken(text.error().what);
  if (!*text) return false;
  const auto record = mig::parse_inflight(**text);
  if (!record) {
    set_aside(context, path, path.whole().string() + ": " + record.error().text());
    return false;
  }
  store::Run run;
  run.job = job;
  run.nominal = record->valid_from + std::chrono::minutes(1);  // when the original launched it
  run.action_id = record->action_id;
  run.plugin = record->plugin;
  run.valid_from = record->valid_from;
  run.expire_after = record->expire_after;
  run.posted_at = run.nominal;
  const auto its_job = context.jobs.find(job);
  const auto plugin = plugin_of(run, its_job.get());
  if (!plugin) return not_taken("its plugin \"" + run.plugin + "\" is refused: " + plugin_name_problem(run.plugin));
  run.plugin = *plugin;
  await_results(run, context.job_settings(job), context.settings, now);
  const auto adopted = context.store.adopt(run, record->action_json);
  if (!adopted) return not_taken(adopted.error().text());
  if (*adopted)
    context.log.notice(run.name() + ": taken over from another runner: action " + std::to_string(run.action_id) +
                       ", expires " + format_utc(*run.expire_after));
  return *adopted;
}

}  // namespace

int adopt_inflight(const StageContext& context, Timestamp now) {
  int count = 0;
  const auto runners = config::runners_in(context.settings.directory);
  const auto jobs = names_in(runners);
  if (!jobs) context.log.error("Records of launched actions are not looked for: " + jobs.error().text());
  if (!jobs || !*jobs) return 0;
  for (const auto& job : **jobs) {
    if (!job_name_problem(job).empty()) continue;
    const PathBelow inflight{runners / job, "inflight"};
    const auto records = names_below(inflight);
    if (!records) context.log.error(records.error().text());
    if (!records || !*records) continue;
    for (const auto& name : **records)
      if (name.ends_with(".json") && adopt(context, job, {inflight.root, inflight.relative / name}, now)) ++count;
  }
  return count;
}

}  // namespace mig_runner::runner
