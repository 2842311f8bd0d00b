#pragma once

#include <cstdint>
#include <string>

#include "sandbox/base/times.h"

namespace mig_sandbox {

// A row of the table of agents.
struct Agent {
  std::int64_t id = 0;
  std::string name;
  std::string queueloc;
  std::string mode = "daemon";
  std::string version;
  std::int64_t pid = 0;
  Micros start_time = 0;
  Micros destruction_time = kNever;
  Micros heartbeat_time = 0;
  Micros refresh_time = 0;
  std::string status = "online";  // online, idle, offline, destroyed
  std::string environment;        // JSON text
  std::string tags;               // JSON text
  std::string loader_name;
};

}  // namespace mig_sandbox
