#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "report/json.h"
#include "spool/job.h"
#include "store/run_store.h"

namespace mig_runner::report {

// A job directory and what is known of it.
struct Job {
  std::string name;
  std::optional<spool::Job> job;  // none: broken
  std::vector<config::Problem> problems;
  std::optional<Timestamp> paused_since;
  std::optional<Timestamp> next;  // none for a disabled or paused job
  std::optional<store::Run> last;

  std::size_t errors() const;
  std::size_t warnings() const;
};

// Pauses and last runs of jobs, by their names, from the record of runs.
struct JobRecords {
  std::map<std::string, store::Pause> paused;
  std::map<std::string, store::Run> last;

  // After an Error, all that was read before it stays.
  Result<void> read(store::RunStore& store);
  // Adds what is known of `job`, and when it is launched next after `now`.
  void describe(Job& job, Timestamp now) const;
};

Json jobs_json(const std::vector<Job>& jobs);

}  // namespace mig_runner::report
