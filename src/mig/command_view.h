#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_runner::mig {

// One command as the API and result documents have it. Slices point into the text that it was read from. What modules
// found is not looked into and may be of any size and depth.
struct CommandView {
  std::int64_t id = 0;
  std::string status;  // sent, success, cancelled, expired, failed, timeout
  std::string agent;   // its name
  std::string_view results;
};
Result<CommandView> read_command(std::string_view json);

// The agent has answered, or the scheduler has given it up: the command does not change any more.
bool is_final_status(std::string_view status);

// How one operation went.
struct OperationOutcome {
  bool succeeded = false;
  std::string error;  // the first one that it tells, or empty
};
// CommandView::results, in the order of the action's operations. Empty where there are none.
std::vector<OperationOutcome> read_outcomes(std::string_view results);

// False where read_outcomes() would find that every operation succeeded; costs much less. May be true without need.
bool may_have_failed(std::string_view command_json);

// Equal for two readings of a command that hold the same answer. The action with its counters and the agent's
// description do not count: the API writes them into every command anew at each reading.
std::uint64_t answer_hash(std::string_view command_json);

}  // namespace mig_runner::mig
