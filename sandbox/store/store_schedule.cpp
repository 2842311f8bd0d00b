#include "sandbox/store/store.h"

// What the scheduler does to the store.

namespace mig_sandbox {

void Store::set_action_status(std::int64_t id, const std::string& status, Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  // The server leaves the times of an action alone until it has run its target.
  if (status == "scheduled") {
    database_.prepare("UPDATE actions SET status = ? WHERE id = ?").bind(status).bind(id).run();
    return;
  }
  const char* const time = status == "expired" ? "finishtime" : "starttime";
  database_.prepare("UPDATE actions SET status = ?, lastupdatetime = ?, " + std::string(time) + " = ? WHERE id = ?")
      .bind(status)
      .bind(now)
      .bind(now)
      .bind(id)
      .run();
}

void Store::give_up_action(std::int64_t id) {
  const mig_runner::MutexLock lock(mutex_);
  database_.prepare("UPDATE actions SET givenup = 1 WHERE id = ?").bind(id).run();
}

std::vector<ActionRow> Store::actions_to_schedule(const std::string& status, Micros now) {
  return find_actions(
      {"status = ? AND NOT givenup AND validfrom <= CAST(? AS INTEGER)", {status, std::to_string(now)}, "id", -1, 0});
}

void Store::insert_command(const CommandRow& command) {
  const mig_runner::MutexLock lock(mutex_);
  auto insert = database_.prepare("INSERT INTO commands VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind(command.id)
      .bind(command.action_id)
      .bind(command.agent_id)
      .bind(command.status)
      .bind(command.start_time)
      .bind(command.finish_time)
      .bind(command.found)
      .bind_optional(command.results);
  command.due ? insert.bind(*command.due) : insert.bind_null();
  insert.bind(command.outcome).bind(command.fault).run();
}

std::vector<std::int64_t> Store::agents_of(std::int64_t action_id) {
  const mig_runner::MutexLock lock(mutex_);
  auto query = database_.prepare("SELECT agent_id FROM commands WHERE action_id = ?");
  query.bind(action_id);
  std::vector<std::int64_t> ids;
  while (query.step()) ids.push_back(query.integer(0));
  return ids;
}

void Store::dispatch(std::int64_t action_id, const std::vector<CommandRow>& commands, bool last, Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  Transaction transaction(database_);
  auto insert = database_.prepare("INSERT INTO commands VALUES(?,?,?,'sent',?,?,?,NULL,?,?,?)");
  for (const auto& command : commands) {
    insert.bind(command.id).bind(action_id).bind(command.agent_id).bind(now).bind(kNever).bind(command.found);
    command.due ? insert.bind(*command.due) : insert.bind_null();
    insert.bind(command.outcome).bind(command.fault).run();
  }
  database_.prepare("UPDATE actions SET status = ?, lastupdatetime = ?, sent = sent + ? WHERE id = ?")
      .bind(last ? "inflight" : "preparing")
      .bind(now)
      .bind(static_cast<std::int64_t>(commands.size()))
      .bind(action_id)
      .run();
  transaction.commit();
}

void Store::add_counts(std::int64_t action_id, const std::string& status, std::int64_t count, Micros now) {
  if (status == "sent") return;  // what is not done yet is not counted by itself
  database_.prepare("UPDATE actions SET " + status + " = " + status + " + ?, lastupdatetime = ? WHERE id = ?")
      .bind(count)
      .bind(now)
      .bind(action_id)
      .run();
}

bool Store::take_answers(Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  Transaction transaction(database_);
  auto coming = database_.prepare(
      "SELECT action_id, status, outcome, count(*) FROM commands WHERE due <= ? GROUP BY action_id, status, outcome");
  coming.bind(now);
  bool any = false;
  while (coming.step()) {
    any = true;
    const std::int64_t action_id = coming.integer(0);
    const std::int64_t count = coming.integer(3);
    add_counts(action_id, coming.text(1), -count, now);
    add_counts(action_id, coming.text(2), count, now);
  }
  coming.reset();
  if (any) {
    database_.prepare("UPDATE commands SET status = outcome, finishtime = due, due = NULL WHERE due <= ?")
        .bind(now)
        .run();
  }
  transaction.commit();
  return any;
}

void Store::expire_commands(Micros expired_by, Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  Transaction transaction(database_);
  std::vector<std::int64_t> expired;
  auto query = database_.prepare("SELECT id FROM actions WHERE status = 'inflight' AND expireafter <= ?");
  query.bind(expired_by);
  while (query.step()) expired.push_back(query.integer(0));
  query.reset();
  for (const auto id : expired) {
    database_.prepare("UPDATE commands SET status = 'expired', finishtime = ? WHERE action_id = ? AND status = 'sent'")
        .bind(now)
        .bind(id)
        .run();
    add_counts(id, "expired", database_.changes(), now);
  }
  transaction.commit();
}

void Store::complete_actions(Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  database_
      .prepare(
          "UPDATE actions SET status = 'completed', finishtime = ?, lastupdatetime = ? WHERE status = 'inflight' "
          "AND success + cancelled + expired + failed + timeout >= sent")
      .bind(now)
      .bind(now)
      .run();
}

void Store::finish_command(const CommandRow& command, Micros now) {
  const mig_runner::MutexLock lock(mutex_);
  Transaction transaction(database_);
  auto query = database_.prepare("SELECT status FROM commands WHERE id = ?");
  query.bind(command.id);
  const std::string before = query.step() ? query.text(0) : command.status;
  query.reset();
  database_.prepare("UPDATE commands SET status = ?, finishtime = ?, found = ?, results = ? WHERE id = ?")
      .bind(command.status)
      .bind(now)
      .bind(command.found)
      .bind_optional(command.results)
      .bind(command.id)
      .run();
  add_counts(command.action_id, before, -1, now);
  add_counts(command.action_id, command.status, 1, now);
  transaction.commit();
}

void Store::finish_command_later(const CommandRow& command, Micros due) {
  const mig_runner::MutexLock lock(mutex_);
  database_.prepare("UPDATE commands SET outcome = ?, found = ?, results = ?, due = ? WHERE id = ?")
      .bind(command.status)
      .bind(command.found)
      .bind_optional(command.results)
      .bind(due)
      .bind(command.id)
      .run();
}

std::vector<CommandRow> Store::unanswered_commands(std::int64_t agent_id) {
  return find_commands(
      {"status = 'sent' AND due IS NULL AND agent_id = ? AND action_id IN (SELECT id FROM actions WHERE status IN "
       "('preparing', 'inflight'))",
       {std::to_string(agent_id)},
       "id",
       -1,
       0});
}

std::optional<Micros> Store::next_event(Micros delay) {
  const mig_runner::MutexLock lock(mutex_);
  auto query = database_.prepare(
      "SELECT min(t) FROM (SELECT min(due) AS t FROM commands WHERE due IS NOT NULL UNION ALL "
      "SELECT min(expireafter) + ? FROM actions WHERE status = 'inflight' UNION ALL "
      "SELECT min(validfrom) FROM actions WHERE status IN ('pending', 'scheduled', 'preparing') AND NOT givenup)");
  query.bind(delay);
  if (!query.step() || query.is_null(0)) return std::nullopt;
  return query.integer(0);
}

}  // namespace mig_sandbox
