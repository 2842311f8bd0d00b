#include "stages/job_shares.h"

namespace mig_runner::stages {

JobShares::Turn::Turn(JobShares& shares, const std::string& job) : shares_(shares), lock_(shares.mutex_) {
  const auto found = shares_.in_hand_.find(job);
  if (found == shares_.in_hand_.end()) return;
  ++shares_.free_;
  if (--found->second == 0) shares_.in_hand_.erase(found);
}

std::vector<std::string> JobShares::Turn::full() const {
  std::vector<std::string> jobs;
  for (const auto& [job, threads] : shares_.in_hand_)
    if (threads >= shares_.free_) jobs.push_back(job);
  return jobs;
}

std::vector<std::string> JobShares::Turn::full_or_recent() const {
  auto jobs = full();
  jobs.insert(jobs.end(), shares_.recent_.begin(), shares_.recent_.end());
  return jobs;
}

void JobShares::Turn::take(const std::string& job) {
  --shares_.free_;
  ++shares_.in_hand_[job];
  shares_.recent_.push_back(job);
  if (shares_.recent_.size() > kMostRecent) shares_.recent_.pop_front();
}

}  // namespace mig_runner::stages
