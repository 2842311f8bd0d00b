#include "sandbox/scheduler/agent_seam.h"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "sandbox/agent/local_agent.h"
#include "sandbox/base/go_json.h"

namespace mig_sandbox {

LocalAgent this_machine() {
  LocalAgent agent;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0') agent.name = name.data();
  agent.environment = go_json(environment());
  agent.tags = R"({"environment":"local","operator":"sandbox"})";
  agent.run = [](const std::string& module, const std::string& parameters, Timestamp now, const std::stop_token& stop) {
    OperationLimits limits;
    limits.stop = stop;
    return go_json(run_operation(module, nlohmann::json::parse(parameters), now, limits));
  };
  return agent;
}

}  // namespace mig_sandbox
