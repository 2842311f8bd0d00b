#pragma once

#include "runner/stand.h"

// What the tests of the planner say of a job's settings.
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
