#include "daemon/group_watch.h"

#include <unistd.h>

#include <map>
#include <utility>

#include "base/hex.h"
#include "report/status.h"
#include "stages/guarded_paths.h"

namespace mig_runner::daemon {

GroupWatch::GroupWatch(store::RunStore& store, stages::JobRegistry& jobs, std::filesystem::path directory,
                       log::Log& log, Moment now)
    : store_(store), jobs_(jobs), directory_(std::move(directory)), log_(log), next_comparison_(now + kComparison) {}

void GroupWatch::tell_jobs() {
  auto* const group = store_.group();
  if (group == nullptr) return;
  std::map<std::string, std::string> hashes;
  left_to_others_.clear();
  for (const auto& job : jobs_.all()) {
    auto& told = jobs_.objection(*job).value_or("").empty() ? hashes : left_to_others_;
    told.emplace(job->name, hex(job->content_hash));
  }
  const auto told = group->set_jobs(hashes, left_to_others_);
  jobs_told_ = told.has_value();
  if (!told && trouble_.begins())
    log_.error("The group cannot be told which jobs this runner has: " + told.error().text());
  if (told && trouble_.ends()) log_.notice("The group knows which jobs this runner has.");
}

bool GroupWatch::look(Moment now) {
  auto* const group = store_.group();
  if (group == nullptr) return false;
  if (!jobs_told_) tell_jobs();
  if (const auto current = group->term(); std::exchange(term_, current) != current && current > 1)
    log_.warning("This runner's lease ended: others have taken over what it had begun; it takes part again.");
  const bool clock_changed = look_at_clock();
  if (now >= next_mending_) {
    next_mending_ = now + kMending;
    look_at_objections();
  }
  if (now < next_comparison_) return clock_changed;
  next_comparison_ = now + kComparison;
  static_cast<void>(group->release_unknown());  // the next time does as well
  compare_jobs();
  look_for_namesakes();
  return true;  // who died in the middle of telling others has not told them
}

// A launcher finds new ones; what is left to others no launcher looks at.
void GroupWatch::look_at_objections() {
  std::size_t objected = 0;
  bool changed = false;
  for (const auto& job : jobs_.all()) {
    if (jobs_.objection(*job).value_or("").empty()) continue;
    const auto now =
        stages::serious_objection(stages::guarded_job(directory_, job->name, job->config.plugin), geteuid());
    if (now) jobs_.set_objection(*job, *now);
    const bool stays = !now || !now->empty();
    objected += stays ? 1 : 0;
    changed = changed || stays != left_to_others_.contains(job->name);
  }
  if (changed || objected != left_to_others_.size()) tell_jobs();
}

// True where that changes what this runner may do.
bool GroupWatch::look_at_clock() {
  const auto ahead = store_.group()->clock_ahead();
  const bool far_off = std::chrono::abs(ahead) > store::kClockFarOff;
  const bool work_changes = far_off != std::exchange(clock_far_off_, far_off);
  const bool off = std::chrono::abs(ahead) > kClockTolerance;
  if (off == std::exchange(clock_off_, off)) return work_changes;
  const auto seconds = std::to_string(std::chrono::abs(ahead).count() / 1000) + " s ";
  log_.warning(off ? "This machine's clock is " + seconds + (ahead.count() > 0 ? "ahead of" : "behind") +
                         " the database's: set it. Leases count on the database's; a runner whose clock is more than"
                         " half a minute off leaves its work to others whose clocks are right"
                   : "This machine's clock and the database's agree again.");
  return work_changes;
}

// As with machines that were copied with their host name.
void GroupWatch::look_for_namesakes() {
  const auto members = store_.group()->members();
  if (!members) return;
  int alive = 0;
  std::map<std::string, Namesake> found;
  for (const auto& member : *members) {
    if (member.tree != store_.group()->tree()) continue;
    Namesake namesake{member.lease_left};
    if (const auto known = namesakes_.find(member.id); known != namesakes_.end())
      namesake.alive = known->second.alive || member.lease_left > known->second.lease_left;
    if (namesake.alive && member.lease_left.count() > 0) ++alive;
    found.emplace(member.id, namesake);
  }
  namesakes_ = std::move(found);
  if (alive < 2 || std::exchange(namesake_told_, true)) return;
  log_.warning("Another runner of the group names itself " + store_.group()->tree() +
               " too: give each machine a host name of its own; until then results of one are looked for on the other");
}

void GroupWatch::compare_jobs() {
  const auto found = store_.group()->job_differences();
  if (!found) return;
  const auto differing = report::differences_by_job(*found);
  int fresh = 0;
  for (const auto& [job, text] : differing)
    if (!differing_jobs_.contains(job) && ++fresh <= kMostTold)
      log_.warning(job + ": the runners of the group differ: " + text);
  if (fresh > kMostTold)
    log_.warning("The runners of the group differ in " + std::to_string(fresh - kMostTold) +
                 " more jobs; `mig-runner status --json` lists them");
  differing_jobs_.clear();
  for (const auto& [job, text] : differing) differing_jobs_.insert(job);
}

}  // namespace mig_runner::daemon
