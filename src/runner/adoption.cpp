#include "runner/adoption.h"

#include <optional>
#include <utility>
#include <vector>

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

std::vector<std::string> names_or_none(const Result<std::optional<std::vector<std::string>>>& names) {
  return names && *names ? **names : std::vector<std::string>();
}

// An Error where that does not work.
Result<void> set_aside(const StageContext& context, const PathBelow& path, const std::string& why) {
  const auto aside = path.with(".damaged");
  if (const auto moved = rename_below(path, aside.relative.filename()); !moved)
    return fail(why + ", and it cannot be set aside: " + moved.error().text());
  context.log.error("The record of a launched action cannot be read, set aside as " + aside.whole().string() + ": " +
                    path.whole().string() + ": " + why);
  return {};
}

// True where the record was new.
Result<bool> adopt(const StageContext& context, const std::string& job, const PathBelow& path, Timestamp now) {
  const auto text = read_file_below(path, kMaxRecordBytes);
  if (!text) return fail(text.error().what);
  if (!*text) return false;
  const auto record = mig::parse_inflight(**text);
  if (!record) {
    if (const auto aside = set_aside(context, path, record.error().text()); !aside)
      return tl::unexpected(aside.error());
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
  if (!plugin) return fail("its plugin \"" + run.plugin + "\" is refused: " + plugin_name_problem(run.plugin));
  run.plugin = *plugin;
  await_results(run, context.job_settings(job), context.settings, now);
  const auto adopted = context.store.adopt(run, record->action_json);
  if (adopted && *adopted)
    context.log.notice(run.name() + ": taken over from another runner: action " + std::to_string(run.action_id) +
                       ", expires " + format_utc(*run.expire_after));
  return adopted;
}

}  // namespace

int Adoption::look(const StageContext& context, Timestamp now) {
  int count = 0;
  Left left;
  const auto runners = config::runners_in(context.settings.directory);
  const auto jobs = names_in(runners);
  if (!jobs) left.emplace(runners, jobs.error().what);
  for (const auto& job : names_or_none(jobs)) {
    if (!job_name_problem(job).empty()) continue;
    const PathBelow inflight{runners / job, "inflight"};
    const auto records = names_below(inflight);
    if (!records) left.emplace(inflight.whole(), records.error().what);
    for (const auto& name : names_or_none(records)) {
      if (!name.ends_with(".json")) continue;
      const PathBelow path{inflight.root, inflight.relative / name};
      const auto adopted = adopt(context, job, path, now);
      if (!adopted) left.emplace(path.whole(), adopted.error().text());
      if (adopted && *adopted) ++count;
    }
  }
  tell(context.log, std::move(left));
  return count;
}

// One line tells of all that is new.
void Adoption::tell(log::Log& log, Left left) {
  std::string first;
  int more = 0;
  for (const auto& [path, why] : left) {
    if (left_.contains(path)) continue;
    if (first.empty()) {
      first = path.string() + ": not taken over from another runner: " + why;
    } else {
      ++more;
    }
  }
  const auto others = more == 0 ? "; it is" : ", and " + std::to_string(more) + " more like it; they are";
  if (!first.empty()) log.error(first + others + " looked at again at each scan");
  if (!left_.empty() && left.empty()) log.notice("No launched action of another runner is left to take over.");
  left_ = std::move(left);
}

}  // namespace mig_runner::runner
