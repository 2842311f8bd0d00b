#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/faults/faults.h"
#include "sandbox/fleet/world.h"

namespace mig_sandbox {

// A command for the agent that runs on this machine.
struct LocalJob {
  CommandRow command;
  std::string operations;                 // of its action, JSON text
  std::optional<Micros> not_before = {};  // its answer comes then
};

// Takes actions through pending, scheduled, preparing and inflight to completed, expired or invalid, and commands from
// sent on. Like the real one it makes the commands of an action in batches, and sees some time after the action's
// expiry which of them were not answered. One thread at a time; throws SqliteError.
class Scheduler {
 public:
  using Queue = std::function<void(LocalJob)>;
  // Commands of the agent `local_agent_id` (0: there is none) go to `queue`. Commands that are not answered are ended
  // `delay` after their action expired. `world` outlives this.
  Scheduler(const World& world, std::int64_t local_agent_id, Queue queue, std::chrono::milliseconds delay);

  // Queues what the local agent was asked before a restart and has not answered.
  void resume();

  // Does what is due at `now`: an action moves by one state or one batch at most, so that each can be seen. Returns
  // when it wants to be called again.
  Timestamp step(Timestamp now);

  static constexpr std::size_t kBatch = 1024;

 private:
  bool start_pending(Timestamp now);
  bool find_agents(Timestamp now);
  bool send_commands(Timestamp now);
  // True when it sent any.
  bool send_batch(const ActionRow& action, Timestamp now);
  std::vector<std::int64_t>& waiting_agents(const ActionRow& action, Timestamp now);
  CommandRow plan(const ActionRow& action, const FleetScript& script, std::int64_t agent_id, Timestamp now) const;
  void apply(const Fault& fault, const ActionRow& action, bool is_first, CommandRow& command) const;
  static std::size_t batch_size(const ActionRow& action, const std::optional<Fault>& fault, std::size_t waiting,
                                Timestamp now);
  void queue_local(const CommandRow& command, const ActionRow& action, std::optional<Micros> not_before);

  World world_;
  std::int64_t local_agent_id_;
  Queue queue_;
  std::chrono::milliseconds delay_;
  // By action that is being prepared: the agents without a command, last first.
  std::map<std::int64_t, std::vector<std::int64_t>> waiting_;
  Timestamp next_beat_{};
};

}  // namespace mig_sandbox
