#include "stages/job_registry.h"

#include <algorithm>

namespace mig_runner::stages {

// The first job whose name is not before `name`.
std::vector<spool::JobPtr>::const_iterator JobRegistry::place(const std::string& name) const {
  return std::lower_bound(jobs_.begin(), jobs_.end(), name,
                          [](const spool::JobPtr& job, const std::string& sought) { return job->name < sought; });
}

void JobRegistry::put(spool::JobPtr job) {
  const MutexLock lock(mutex_);
  const auto at = place(job->name);
  if (at != jobs_.end() && (*at)->name == job->name) {
    jobs_[static_cast<std::size_t>(at - jobs_.begin())] = std::move(job);
  } else {
    jobs_.insert(at, std::move(job));
  }
}

void JobRegistry::remove(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto at = place(name);
  if (at != jobs_.end() && (*at)->name == name) jobs_.erase(at);
}

spool::JobPtr JobRegistry::find(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto at = place(name);
  return at != jobs_.end() && (*at)->name == name ? *at : nullptr;
}

std::vector<spool::JobPtr> JobRegistry::all() const {
  const MutexLock lock(mutex_);
  return jobs_;
}

std::size_t JobRegistry::size() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

void JobRegistry::withdraw(const std::string& name, Timestamp nominal) {
  const MutexLock lock(mutex_);
  withdrawn_[name] = nominal;
}

bool JobRegistry::was_withdrawn(const store::Run& run) const {
  const MutexLock lock(mutex_);
  const auto found = withdrawn_.find(run.job);
  return found != withdrawn_.end() && found->second == run.nominal;
}

void JobRegistry::set_objection(const spool::Job& job, std::string objection) {
  const MutexLock lock(mutex_);
  judged_[job.name] = {job.content_hash, std::move(objection)};
}

std::optional<std::string> JobRegistry::objection(const spool::Job& job) const {
  const MutexLock lock(mutex_);
  const auto found = judged_.find(job.name);
  if (found == judged_.end() || found->second.content != job.content_hash) return std::nullopt;
  return found->second.objection;
}

void JobRegistry::set_paused(std::map<std::string, store::Pause> paused) {
  const MutexLock lock(mutex_);
  paused_ = std::move(paused);
}

bool JobRegistry::was_paused(const store::Run& run) const {
  const MutexLock lock(mutex_);
  const auto found = paused_.find(run.job);
  return found != paused_.end() && found->second.met(run);
}

}  // namespace mig_runner::stages
