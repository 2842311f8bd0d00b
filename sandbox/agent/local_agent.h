#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "base/time.h"

// The one real agent of the sandbox: runs modules on this machine, with reads that need no privilege (and TCP
// connections for ping). Everything here may be called from any thread, several at once.
namespace mig_sandbox {

using mig_runner::Timestamp;

struct OperationLimits {
  std::chrono::milliseconds time = std::chrono::seconds(60);
  std::stop_token stop;  // ends an operation early, as the time limit does
};

// Runs one operation of an action and answers as the real agent does:
//   {"foundanything": bool, "success": bool, "elements": .., "statistics": .., "errors": [..] or null}
// `parameters` are those of the operation; a string is taken as compressed parameters (base64 of gzip of JSON).
// `now` is what file's mtimes are measured from; how long the operation took comes from the monotonic clock.
// Modules: file, netstat (listeningport, localip, connectedip), ping (tcp), pkg (dpkg). Wrong parameters, a module that
// is not here and a limit that was reached are success=false with the reason in errors. Blocks until done; never throws
// but for lack of memory. At the time limit or stop, what was found so far is returned.
nlohmann::json run_operation(const std::string& module, const nlohmann::json& parameters, Timestamp now,
                             const OperationLimits& limits = {});

// What an agent tells of its machine: init, ident, os, arch, isproxied, addresses (CIDR, loopback left out), publicip,
// aws, modules.
nlohmann::json environment();

}  // namespace mig_sandbox
