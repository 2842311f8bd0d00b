#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "config/job_config.h"
#include "cron/schedule.h"

namespace mig_runner::mig {
class Action;
}

namespace mig_runner::spool {

using ContentHash = std::array<std::uint8_t, 32>;  // SHA-256 over both files

// What the operator wrote in runners/JOB, read and checked. Immutable and shared.
struct Job {
  std::string name;
  config::JobConfig config;
  cron::Schedule schedule;
  cron::Zone zone;
  std::string action_text;   // of action.json, which parses: half of what it takes parsed, and there may be thousands
  ContentHash content_hash;  // the same on every machine that has the same job

  mig::Action action() const;
};
using JobPtr = std::shared_ptr<const Job>;

}  // namespace mig_runner::spool
