#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sandbox/world.h"

namespace mig_sandbox {

// A command for the agent that runs on this machine.
struct LocalJob {
  CommandRow command;
  std::string operations;  // of its action, JSON text
};

// Takes actions through pending, scheduled, preparing and inflight to completed, expired or invalid, and commands from
// sent on. One thread at a time; throws SqliteError.
class Scheduler {
 public:
  using Queue = std::function<void(LocalJob)>;
  // Commands of the agent `local_agent_id` (0: there is none) go to `queue`. `world` outlives this.
  Scheduler(const World& world, std::int64_t local_agent_id, Queue queue);

  // Queues what the local agent was asked before a restart and has not answered.
  void resume();

  // Does what is due at `now`: an action moves by one state at most, so that each can be seen. Returns when it wants to
  // be called again.
  Timestamp step(Timestamp now);

 private:
  bool start_pending(Timestamp now);
  bool find_agents(Timestamp now);
  bool send_commands(Timestamp now);

  World world_;
  std::int64_t local_agent_id_;
  Queue queue_;
  Timestamp next_beat_{};
};

}  // namespace mig_sandbox
