#include "runner/adoption.h"

#include "base/file.h"
#include "config/tree_layout.h"
#include "mig/result_document.h"
#include "runner/run_flow.h"
#include "spool/spool.h"

namespace mig_runner::runner {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20U;

// What cannot be read is as good as empty here.
std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  return entries;
}

void set_aside(const StageContext& context, const fs::path& path, const std::string& why) {
  const fs::path aside = path.string() + ".damaged";
  std::error_code error;
  fs::rename(path, aside, error);
  context.log.error("The record of a launched action cannot be read, " +
                    (error ? "and not be set aside (" + error.message() + ")" : "set aside as " + aside.string()) +
                    ": " + why);
}

// True where the record was new.
bool adopt(const StageContext& context, const std::string& job, const fs::path& path, Timestamp now) {
  const auto text = read_file(path, kMaxRecordBytes);
  if (!text) {
    context.log.error("The record of a launched action cannot be read: " + text.error().text());
    return false;
  }
  const auto record = mig::parse_inflight(*text);
  if (!record) {
    set_aside(context, path, path.string() + ": " + record.error().text());
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
  await_results(run, context.job_settings(job), context.settings, now);
  const auto adopted = context.store.adopt(run, record->action_json);
  if (!adopted) {
    context.log.error(path.string() + ": not taken over: " + adopted.error().text());
    return false;
  }
  if (*adopted)
    context.log.notice(run.name() + ": taken over from another runner: action " + std::to_string(run.action_id) +
                       ", expires " + format_utc(*run.expire_after));
  return *adopted;
}

}  // namespace

int adopt_inflight(const StageContext& context, Timestamp now) {
  int count = 0;
  for (const auto& job : entries_of(config::runners_in(context.settings.directory))) {
    const auto name = job.filename().string();
    if (!spool::job_name_problem(name).empty()) continue;
    for (const auto& file : entries_of(job / "inflight"))
      if (file.extension() == ".json" && adopt(context, name, file, now)) ++count;
  }
  return count;
}

}  // namespace mig_runner::runner
