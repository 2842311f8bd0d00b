#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sandbox/fleet/fleet_options.h"
#include "sandbox/scheduler/agent_seam.h"

namespace mig_sandbox {

struct ServerOptions {
  std::string address = "127.0.0.1";  // of the loopback network, or ::1
  std::uint16_t port = 0;             // 0: any that is free
  std::string certificate;            // PEM text, with `key`: HTTPS
  std::string key;
  struct Investigator {
    std::string public_key;  // armored
    std::string name;        // empty: from the key's user id
  };
  std::vector<Investigator> investigators;
  std::vector<std::string> api_keys;
  std::vector<std::string> limited_api_keys;  // of an investigator who may search and see the dashboard
  std::chrono::nanoseconds token_duration = std::chrono::minutes(10);
  // From an action's expiry until its commands without an answer are ended.
  std::chrono::milliseconds scheduler_delay = std::chrono::seconds(3);
  FleetOptions fleet;
  LocalAgent local_agent;           // without `run`: none
  std::filesystem::path state;      // empty: in memory
  std::vector<std::string> faults;  // as --fault takes them
  // False: nothing moves but by step(), for tests with a clock of their own.
  bool automatic = true;
};

// A MIG API on loopback: the real server's answers, a scheduler, a simulated fleet and perhaps an agent that runs here
// (docs of the command: `mig-sandbox serve --help`). For tests in their own process, and behind `mig-sandbox serve`.
class Server {
 public:
  // Listens when it returns. `clock` outlives the server. Errors: an address that is not loopback or is taken, a bad
  // key, certificate, fault or state file.
  static mig_runner::Result<std::unique_ptr<Server>> start(ServerOptions options, const mig_runner::Clock& clock);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Ends requests that hang, closes every connection and joins all threads: well within a second, unless the local
  // agent is busy.
  ~Server();

  std::uint16_t port() const;
  // "http://127.0.0.1:PORT/api/v1/"
  std::string url() const;

  // One step of the scheduler at the clock's time, then all the local agent has to do. An action takes four steps from
  // pending to its answers, and one more for every 1,024 agents beyond the first. Only where not automatic; one thread
  // at a time.
  void step();

  // A fault as --fault takes it, from now on.
  mig_runner::Result<void> add_fault(const std::string& text);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_sandbox
