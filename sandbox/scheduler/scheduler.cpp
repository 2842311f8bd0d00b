#include "sandbox/scheduler/scheduler.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mig_sandbox {
namespace {

using std::chrono::milliseconds;

// How long an action stays in a state that only leads to the next.
constexpr milliseconds kPace{100};
constexpr milliseconds kBeat{60'000};

Micros micros(milliseconds time) {
  return std::chrono::microseconds(time).count();
}

std::optional<Fault> fault_of(const ActionRow& action) {
  if (action.fault.empty()) return std::nullopt;
  return Fault::parse(action.fault).value();
}

}  // namespace

Scheduler::Scheduler(const World& world, std::int64_t local_agent_id, Queue queue, milliseconds delay)
    : world_(world), local_agent_id_(local_agent_id), queue_(std::move(queue)), delay_(delay) {}

void Scheduler::resume() {
  if (local_agent_id_ == 0) return;
  for (const auto& command : world_.store.unanswered_commands(local_agent_id_)) {
    if (const auto action = world_.store.action(command.action_id)) queue_local(command, *action, std::nullopt);
  }
}

Timestamp Scheduler::step(Timestamp now) {
  if (now >= next_beat_) {
    world_.agents.beat(now);
    next_beat_ = now + kBeat;
  }
  // From the last state to the first: nothing moves twice.
  const bool sending = send_commands(now);
  bool moved = find_agents(now);
  moved = start_pending(now) || moved;
  const Micros time = to_micros(now);
  world_.store.take_answers(time);
  world_.store.expire_commands(to_micros(now - delay_), time);
  world_.store.complete_actions(time);
  if (sending) return now;
  if (moved) return now + kPace;
  const auto next = world_.store.next_event(micros(delay_));
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
  bool any = false;
  for (const auto& action : world_.store.actions_to_schedule("preparing", to_micros(now)))
    any = send_batch(action, now) || any;
  return any;
}

std::vector<std::int64_t>& Scheduler::waiting_agents(const ActionRow& action, Timestamp now) {
  const auto [entry, is_new] = waiting_.try_emplace(action.id);
  auto& waiting = entry->second;
  if (!is_new) return waiting;
  waiting = world_.agents.active_ids(action.target, now).value_or(std::vector<std::int64_t>{});
  // After a restart some have theirs.
  const auto done = world_.store.agents_of(action.id);
  const std::set<std::int64_t> served(done.begin(), done.end());
  std::erase_if(waiting, [&](std::int64_t id) { return served.contains(id); });
  std::reverse(waiting.begin(), waiting.end());
  return waiting;
}

CommandRow Scheduler::plan(const ActionRow& action, const FleetScript& script, std::int64_t agent_id,
                           Timestamp now) const {
  CommandRow command;
  command.action_id = action.id;
  command.agent_id = agent_id;
  if (!world_.fleet.has(agent_id)) return command;
  const auto plan = world_.fleet.plan(agent_id, action.id, script, action.expire_after, to_micros(now));
  command.due = plan.due;
  command.outcome = plan.outcome;
  command.found = plan.found;
  return command;
}

// Applies the fault of its action to a command.
void Scheduler::apply(const Fault& fault, const ActionRow& action, bool is_first, CommandRow& command) const {
  const bool is_local = !world_.fleet.has(command.agent_id);
  if (fault.kind == FaultKind::late_answers && !is_first && !is_local && command.due)
    command.due = action.expire_after + micros(fault.delay);
  if (is_first && (fault.kind == FaultKind::deep_answer || fault.kind == FaultKind::huge_answer)) {
    command.fault = fault.text();
    command.outcome = "success";
    command.found = kFoundSomething;
    if (!is_local) command.due = command.start_time;
  }
}

// How many commands an action gets now.
std::size_t Scheduler::batch_size(const ActionRow& action, const std::optional<Fault>& fault, std::size_t waiting,
                                  Timestamp now) {
  std::size_t size = std::min(kBatch, waiting);
  if (!fault || fault->kind != FaultKind::preparing) return size;
  if (to_micros(now) >= action.start_time + micros(fault->delay)) return size;
  const auto sent = static_cast<std::size_t>(action.counters.sent);
  const std::size_t half = (sent + waiting) / 2;
  return std::min(size, half - std::min(half, sent));
}

bool Scheduler::send_batch(const ActionRow& action, Timestamp now) {
  const auto fault = fault_of(action);
  auto& waiting = waiting_agents(action, now);
  const std::size_t size = batch_size(action, fault, waiting.size(), now);
  if (size == 0 && !waiting.empty()) return false;
  const FleetScript script(action.operations);
  std::int64_t id = world_.ids.take(static_cast<std::int64_t>(size));
  std::vector<CommandRow> commands;
  const auto is_first = [&](const CommandRow& command) {
    return action.counters.sent == 0 && &command == &commands.front();
  };
  for (std::size_t i = 0; i < size; ++i) {
    auto& command = commands.emplace_back(plan(action, script, waiting.back(), now));
    command.id = id++;
    command.start_time = to_micros(now);
    if (fault) apply(*fault, action, is_first(command), command);
    waiting.pop_back();
  }
  const bool last = waiting.empty();
  if (last) waiting_.erase(action.id);
  world_.store.dispatch(action.id, commands, last, to_micros(now));
  for (const auto& command : commands) {
    const bool is_late = fault && fault->kind == FaultKind::late_answers && !is_first(command);
    queue_local(command, action, is_late ? std::optional(action.expire_after + micros(fault->delay)) : std::nullopt);
  }
  return true;
}

void Scheduler::queue_local(const CommandRow& command, const ActionRow& action, std::optional<Micros> not_before) {
  if (local_agent_id_ != 0 && command.agent_id == local_agent_id_) queue_({command, action.operations, not_before});
}

}  // namespace mig_sandbox
