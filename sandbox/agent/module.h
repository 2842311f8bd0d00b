#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mig_sandbox {

using mig_runner::fail;
using mig_runner::Result;
using mig_runner::Timestamp;

// When a running operation has to end.
class Deadline {
 public:
  Deadline(std::chrono::milliseconds limit, std::stop_token stop)
      : start_(Clock::now()), end_(start_ + limit), stop_(std::move(stop)) {}
  bool passed() const { return stop_.stop_requested() || Clock::now() >= end_; }
  std::chrono::nanoseconds elapsed() const { return Clock::now() - start_; }
  std::chrono::nanoseconds left() const { return end_ - Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  Clock::time_point end_;
  std::stop_token stop_;
};

struct ModuleResult {
  bool found_anything = false;
  bool success = true;
  nlohmann::json elements = nlohmann::json::object();
  nlohmann::json statistics;
  std::vector<std::string> errors;
};

// An Error is wrong parameters; nothing was done then.
Result<ModuleResult> run_file(const nlohmann::json& parameters, Timestamp now, const Deadline& deadline);
Result<ModuleResult> run_netstat(const nlohmann::json& parameters, Timestamp now, const Deadline& deadline);
Result<ModuleResult> run_ping(const nlohmann::json& parameters, Timestamp now, const Deadline& deadline);
Result<ModuleResult> run_pkg(const nlohmann::json& parameters, Timestamp now, const Deadline& deadline);

// Statistics of a module that did nothing.
nlohmann::json empty_file_statistics();
nlohmann::json empty_netstat_statistics();
nlohmann::json empty_pkg_statistics();

}  // namespace mig_sandbox
