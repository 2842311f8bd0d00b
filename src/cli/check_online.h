#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "cli/checks.h"

// What only the API can say. Private to the room.
namespace mig_runner::cli {

struct TargetCount {
  std::string job;
  std::string target;                  // macros expanded
  std::optional<std::int64_t> agents;  // none: the API cannot tell
};

struct OnlineCheck {
  bool reachable = false;                         // the API itself answered
  bool accepted = false;                          // token or API key
  std::optional<std::chrono::milliseconds> skew;  // of this machine's clock: positive where it is ahead
  std::vector<TargetCount> targets;
  std::vector<std::pair<std::string, config::Problem>> problems;  // with the job's name, or an empty one
};

struct JobTarget {
  std::string job;
  std::string file;  // action.json, for messages
  std::string target;
  std::chrono::milliseconds expiry;
};

// Asks for the count of each target once.
OnlineCheck check_online(api::ApiClient& client, const std::vector<JobTarget>& targets, const Clock& clock);

}  // namespace mig_runner::cli
