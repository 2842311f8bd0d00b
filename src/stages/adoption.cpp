#include "stages/adoption.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/file_status.h"
#include "base/names.h"
#include "base/path_below.h"
#include "config/tree_layout.h"
#include "results/result_document.h"
#include "stages/run_files.h"
#include "stages/run_flow.h"

namespace mig_runner::stages {
namespace {

constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20U;

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
  const auto record = results::parse_inflight(**text);
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

int Adoption::look_at_all(const StageContext& context, Timestamp now) {
  left_.clear();
  return look(context, {{}}, now);
}

int Adoption::look_again(const StageContext& context, Timestamp now) {
  return look(context, std::exchange(left_, {}), now);
}

int Adoption::look(const StageContext& context, const Left& places, Timestamp now) {
  store_failed_ = false;
  int count = 0;
  for (const auto& [place, why] : places) count += look_at(context, place, now);
  tell(context);
  return count;
}

// Once the record of runs fails, the rest is left as it is.
int Adoption::look_at(const StageContext& context, const Place& place, Timestamp now) {
  if (store_failed_) {
    left_.emplace(place, "the record of runs failed");
    return 0;
  }
  if (!place.record.empty()) {
    const auto adopted = adopt(context, place.job, path_of(context, place), now);
    if (adopted) return *adopted ? 1 : 0;
    left_.emplace(place, adopted.error().text());
    store_failed_ = adopted.error().retry == Retry::later;
    return 0;
  }
  const auto names =
      place.job.empty() ? names_in(path_of(context, place).whole()) : names_below(path_of(context, place));
  if (!names) {
    left_.emplace(place, names.error().what);
    return 0;
  }
  int count = 0;
  for (const auto& name : *names ? **names : std::vector<std::string>()) {
    if (place.job.empty() && job_name_problem(name).empty()) count += look_at(context, {name, ""}, now);
    if (!place.job.empty() && name.ends_with(".json")) count += look_at(context, {place.job, name}, now);
  }
  return count;
}

PathBelow Adoption::path_of(const StageContext& context, const Place& place) {
  const auto runners = config::runners_in(context.settings.directory);
  if (place.job.empty()) return {runners.parent_path(), runners.filename()};
  return {runners / place.job, place.record.empty() ? "inflight" : std::filesystem::path("inflight") / place.record};
}

// One line tells of all that is new.
void Adoption::tell(const StageContext& context) {
  std::string first;
  int more = -1;
  for (const auto& [place, why] : left_) {
    if (!told_.insert(place).second) continue;
    if (++more == 0) first = path_of(context, place).whole().string() + ": not taken over from another runner: " + why;
  }
  const auto others = more == 0 ? "; it is" : ", and " + std::to_string(more) + " more like it; they are";
  if (!first.empty()) context.log.error(first + others + " looked at again at each scan");
  if (!left_.empty() || told_.empty()) return;
  told_.clear();
  context.log.notice("No launched action of another runner is left to take over.");
}

}  // namespace mig_runner::stages
