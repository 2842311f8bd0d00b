#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "config/client_config.h"
#include "config/job_config.h"
#include "config/runner_config.h"

// The three files as far as they can be read, whatever is wrong with them: for whoever wants to tell everything that is
// wrong at once. A value that a problem concerns is the default or as it was written.
namespace mig_runner::config {

JobConfig bind_job_config(std::string_view text, const std::string& file, const JobSettings& defaults,
                          std::vector<Problem>& problems, KnownNames* known = nullptr);
RunnerConfig bind_runner_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known = nullptr);
ClientConfig bind_client_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known = nullptr);

// The settings that may stand for one job and, as defaults, for all.
void bind_job_settings(Binder& binder, std::string_view section, JobSettings& settings);

template <class T>
Checked<T> checked(T value, std::vector<Problem> problems) {
  if (any_fatal(problems)) return {std::nullopt, std::move(problems)};
  return {std::move(value), std::move(problems)};
}

}  // namespace mig_runner::config
