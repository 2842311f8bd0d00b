#pragma once

#include "stages/stand.h"

// The settings of jobs in the tests of the planner.
namespace mig_runner::test {

inline config::JobConfig with(void (*change)(config::JobSettings&)) {
  config::JobConfig config;
  change(config.settings);
  return config;
}

inline config::JobConfig catching_up() {
  return with([](auto& settings) { settings.catchup = config::CatchUp::latest; });
}

}  // namespace mig_runner::test
