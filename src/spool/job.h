#pragma once

#include <memory>
#include <string>

#include "config/job_config.h"
#include "cron/schedule.h"
#include "mig/action.h"

namespace mig_runner::spool {

// What the operator wrote in runners/JOB, read and checked. Immutable and shared.
struct Job {
  std::string name;
  config::JobConfig config;
  cron::Schedule schedule;
  cron::Zone zone;
  mig::Action action;
  std::string content_hash;  // hex, over both files: the same on every machine that has the same job
};
using JobPtr = std::shared_ptr<const Job>;

}  // namespace mig_runner::spool
