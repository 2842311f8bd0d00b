#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/demo/demo_jobs.h"

namespace mig_sandbox {

// What became of one job.
struct DemoOutcome {
  std::string job;
  bool sendonly = false;
  std::string action_id;                              // empty: not launched, as far as one sees
  std::optional<std::size_t> asked, answered, found;  // numbers of agents; none: nothing was collected
  std::optional<std::size_t> delivered_lines;         // none: the plugin did not end

  bool finished() const { return sendonly ? !action_id.empty() : delivered_lines.has_value(); }
};

// Reads it from what the runner and the plugin left in the runner's directory and, for what is only sent, from the
// runner's log lines.
DemoOutcome outcome_of(const DemoJob& job, const std::filesystem::path& runner_directory,
                       const std::vector<std::string>& log);

// The closing table, a line each, with a heading.
std::vector<std::string> outcome_table(const std::vector<DemoOutcome>& outcomes);

// What is wrong with the outcome, one sentence each; empty: nothing. `decoy` is the file that the hunt has to find.
std::vector<std::string> complaints(const std::vector<DemoOutcome>& outcomes,
                                    const std::filesystem::path& runner_directory, const std::string& decoy);

// A log line for people who watch: without its date, its level (where nothing is wrong), and with "JOB@13:00:05" for
// "JOB@2026-11-23T13:00:05Z".
std::string shortened(std::string_view line);

}  // namespace mig_sandbox
