#include "sandbox/scheduler.h"

#include <algorithm>
#include <utility>

namespace mig_sandbox {
namespace {

using std::chrono::milliseconds;

// How long an action stays in a state that only leads to the next.
constexpr milliseconds kPace{100};
constexpr milliseconds kBeat{60'000};

}  // namespace

Scheduler::Scheduler(const World& world, std::int64_t local_agent_id, Queue queue)
    : world_(world), local_agent_id_(local_agent_id), queue_(std::move(queue)) {}

void Scheduler::resume() {
  if (local_agent_id_ == 0) return;
  for (const auto& command : world_.store.unanswered_commands(local_agent_id_)) {
    if (const auto action = world_.store.action(command.action_id)) queue_({command, action->operations});
  }
}

Timestamp Scheduler::step(Timestamp now) {
  if (now >= next_beat_) {
    world_.agents.beat(now);
    next_beat_ = now + kBeat;
  }
  // From the last state to the first: nothing moves twice.
  bool moved = send_commands(now);
  moved = find_agents(now) || moved;
  moved = start_pending(now) || moved;
  const Micros time = to_micros(now);
  world_.store.take_answers(time);
  world_.store.expire_commands(time);
  world_.store.complete_actions(time);
  if (moved) return now + kPace;
  const auto next = world_.store.next_event();
  return next ? std::clamp(to_timestamp(*next) + milliseconds(1), now + kPace, next_beat_) : next_beat_;
}

bool Scheduler::start_pending(Timestamp now) {
  const auto actions = world_.store.actions_to_schedule("pending", to_micros(now));
  for (const auto& action : actions) {
    const bool over = action.expire_after <= to_micros(now);
    world_.store.set_action_status(action.id, over ? "expired" : "scheduled", to_micros(now));
  }
  return !actions.empty();
}

bool Scheduler::find_agents(Timestamp now) {
  const auto actions = world_.store.actions_to_schedule("scheduled", to_micros(now));
  for (const auto& action : actions) {
    const auto ids = world_.agents.active_ids(action.target, now);
    if (!ids) {
      world_.store.give_up_action(action.id);
    } else {
      world_.store.set_action_status(action.id, ids->empty() ? "invalid" : "preparing", to_micros(now));
    }
  }
  return !actions.empty();
}

bool Scheduler::send_commands(Timestamp now) {
  const auto actions = world_.store.actions_to_schedule("preparing", to_micros(now));
  for (const auto& action : actions) {
    const auto ids = world_.agents.active_ids(action.target, now).value_or(std::vector<std::int64_t>{});
    const FleetScript script(action.operations);
    std::int64_t id = world_.ids.take(static_cast<std::int64_t>(ids.size()));
    std::vector<CommandRow> commands(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CommandRow& command = commands[i];
      command.id = id++;
      command.action_id = action.id;
      command.agent_id = ids[i];
      if (!world_.fleet.has(ids[i])) continue;
      const auto plan = world_.fleet.plan(ids[i], action.id, script, action.expire_after, to_micros(now));
      command.due = plan.due;
      command.outcome = plan.outcome;
      command.found = plan.found;
    }
    world_.store.dispatch(action.id, commands, to_micros(now));
    for (const auto& command : commands) {
      if (local_agent_id_ != 0 && command.agent_id == local_agent_id_) queue_({command, action.operations});
    }
  }
  return !actions.empty();
}

}  // namespace mig_sandbox
