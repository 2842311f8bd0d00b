#include "runner/job_book.h"

namespace mig_runner::runner {

void JobBook::put(spool::JobPtr job) {
  const std::lock_guard lock(mutex_);
  jobs_[job->name] = std::move(job);
}

void JobBook::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  jobs_.erase(name);
}

spool::JobPtr JobBook::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(name);
  return found == jobs_.end() ? nullptr : found->second;
}

std::vector<spool::JobPtr> JobBook::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<spool::JobPtr> jobs;
  jobs.reserve(jobs_.size());
  for (const auto& [name, job] : jobs_) jobs.push_back(job);
  return jobs;
}

std::size_t JobBook::size() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void JobBook::set_paused(std::map<std::string, Timestamp> paused) {
  const std::lock_guard lock(mutex_);
  paused_ = std::move(paused);
}

std::optional<Timestamp> JobBook::paused_since(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = paused_.find(name);
  return found == paused_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace mig_runner::runner
