#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/bind.h"

namespace mig_runner::config {

template <class T>
Checked<T> checked(T value, std::vector<Problem> problems) {
  if (any_fatal(problems)) return {std::nullopt, std::move(problems)};
  return {std::move(value), std::move(problems)};
}

inline Checked<JobConfig> parse_job_config(std::string_view text, const std::string& file,
                                           const JobSettings& defaults) {
  std::vector<Problem> problems;
  auto config = bind_job_config(text, file, defaults, problems);
  return checked(std::move(config), std::move(problems));
}

inline Checked<RunnerConfig> parse_runner_config(std::string_view text, const std::string& file) {
  std::vector<Problem> problems;
  auto config = bind_runner_config(text, file, problems);
  return checked(std::move(config), std::move(problems));
}

inline Checked<ClientConfig> parse_client_config(std::string_view text, const std::string& file) {
  std::vector<Problem> problems;
  auto config = bind_client_config(text, file, problems);
  return checked(std::move(config), std::move(problems));
}

}  // namespace mig_runner::config
