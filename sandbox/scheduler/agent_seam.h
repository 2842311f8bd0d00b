#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "sandbox/base/times.h"

namespace mig_sandbox {

// The agent that is real, as the server knows it. JSON goes over the seam as text.
struct LocalAgent {
  // Runs one operation: module, parameters (never compressed). Returns {"foundanything", "success", "elements",
  // "statistics", "errors"}. Called from one thread, which is none of those that answer requests; ends early when asked
  // to stop.
  using Run = std::function<std::string(const std::string& module, const std::string& parameters, Timestamp now,
                                        const std::stop_token& stop)>;
  Run run;  // empty: there is no such agent
  std::string name = "localhost";
  std::string environment = R"({"isproxied":false,"aws":{}})";  // JSON text
  std::string tags = "{}";                                      // JSON text
};

// This machine, with the modules of sandbox/agent.
LocalAgent this_machine();

}  // namespace mig_sandbox
