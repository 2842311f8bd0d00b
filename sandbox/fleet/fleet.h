#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/times.h"
#include "sandbox/fleet/agent.h"
#include "sandbox/fleet/fleet_options.h"
#include "sandbox/fleet/fleet_script.h"

namespace mig_sandbox {

// A simulated fleet. Everything about agent number N follows from the seed and N, and what it answers from that and the
// action: nothing is kept. Safe from any thread.
class Fleet {
 public:
  // The agents get ids from `first_id` on.
  Fleet(const FleetOptions& options, std::int64_t first_id, Micros created);

  int size() const { return options_.agents; }
  bool has(std::int64_t agent_id) const;
  // `index` from 0 to size() - 1.
  Agent agent(int index) const;

  // What an agent will do with an action that is sent to it at `now`.
  struct Plan {
    std::optional<Micros> due;  // nullopt: never answers
    std::string_view outcome;   // success, failed, timeout
    std::int64_t found = 0;     // kFoundSomething, kFoundNothing
  };
  Plan plan(std::int64_t agent_id, std::int64_t action_id, const FleetScript& script, Micros expire_after,
            Micros now) const;

  // Appends the JSON list of results of a command that ended with `status`, success or failed.
  void append_results(std::string& out, std::int64_t agent_id, std::int64_t action_id, const FleetScript& script,
                      std::string_view status) const;

 private:
  std::uint64_t seed_of(std::int64_t agent_id) const;
  std::uint64_t seed_of(std::int64_t agent_id, std::int64_t action_id) const;
  Dice finding_dice(std::int64_t agent_id, std::int64_t action_id, const FleetScript& script,
                    std::size_t operation) const;
  std::string status_of(int index) const;

  FleetOptions options_;
  std::int64_t first_id_;
  Micros created_;
};

}  // namespace mig_sandbox
