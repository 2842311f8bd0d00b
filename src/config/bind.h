#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "config/client_config.h"
#include "config/job_config.h"
#include "config/runner_config.h"

// The three files as far as they can be read, whatever is wrong with them. Private to the room; tests look at values
// that a problem elsewhere in the file would hide, and at the names that may stand in it.
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
  for (const auto& problem : problems)
    if (problem.fatal) return {std::nullopt, std::move(problems)};
  return {std::move(value), std::move(problems)};
}

}  // namespace mig_runner::config
