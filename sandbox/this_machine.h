#pragma once

#include <functional>
#include <string>

#include "sandbox/times.h"

namespace mig_sandbox {

// The agent that is real, as the server knows it. JSON goes over the seam as text.
struct LocalAgent {
  // Runs one operation: module, parameters (never compressed). Returns {"foundanything", "success", "elements",
  // "statistics", "errors"}. Called from one thread.
  using Run = std::function<std::string(const std::string& module, const std::string& parameters, Timestamp now)>;
  Run run;  // empty: there is no such agent
  std::string name = "localhost";
  std::string environment = R"({"isproxied":false,"aws":{}})";  // JSON text
  std::string tags = "{}";                                      // JSON text
};

// This machine's name, system and addresses, without a way to run anything.
LocalAgent describe_this_machine();

}  // namespace mig_sandbox
