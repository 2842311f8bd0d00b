#include "sandbox/fleet/agent_table.h"

#include <sqlite3.h>

#include "sandbox/fleet/target.h"
#include "sandbox/fleet/target_functions.h"

namespace mig_sandbox {
namespace {

constexpr std::string_view kColumns =
    "id, name, queueloc, mode, version, pid, starttime, destructiontime, heartbeattime, refreshtime, status, "
    "environment, tags, loadername";

// A target may run this many instructions of SQLite's machine: some 500 for each of 100,000 agents.
constexpr int kInstructionsPerCall = 10'000;
constexpr int kMostCalls = 5'000;

Micros time_at(Statement& row, int column) {
  return parse_micros(row.text(column)).value_or(kLongAgo);
}

Agent read_agent(Statement& row) {
  Agent agent;
  agent.id = row.integer(0);
  agent.name = row.text(1);
  agent.queueloc = row.text(2);
  agent.mode = row.text(3);
  agent.version = row.text(4);
  agent.pid = row.integer(5);
  agent.start_time = time_at(row, 6);
  agent.destruction_time = time_at(row, 7);
  agent.heartbeat_time = time_at(row, 8);
  agent.refresh_time = time_at(row, 9);
  agent.status = row.text(10);
  agent.environment = row.text(11);
  agent.tags = row.text(12);
  agent.loader_name = row.text(13);
  return agent;
}

int spend_work(void* work_left) {
  return --*static_cast<int*>(work_left) < 0 ? 1 : 0;
}

}  // namespace

// While it lives the connection takes the owner's statements too. Held with the mutex.
class AgentTable::Unlock {
 public:
  explicit Unlock(AgentTable& table) : table_(table) { table_.unlocked_ = true; }
  Unlock(const Unlock&) = delete;
  Unlock& operator=(const Unlock&) = delete;
  ~Unlock() { table_.unlocked_ = false; }

 private:
  AgentTable& table_;
};

AgentTable::AgentTable() : database_(":memory:") {
  database_.run(
      "CREATE TABLE agents(id INTEGER PRIMARY KEY, name TEXT, queueloc TEXT, mode TEXT, version TEXT, pid INTEGER, "
      "starttime TEXT, destructiontime TEXT, heartbeattime TEXT, refreshtime TEXT, status TEXT, environment TEXT, "
      "tags TEXT, loadername TEXT)");
  add_target_functions(database_.get(), &now_);
  lock_to_agents(database_.get(), &unlocked_);
  find_.emplace(database_.prepare("SELECT " + std::string(kColumns) + " FROM agents WHERE id = ?"));
  unlocked_ = false;
}

void AgentTable::insert(const Agent& agent) {
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  database_.prepare("INSERT OR REPLACE INTO agents VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(agent.id)
      .bind(agent.name)
      .bind(agent.queueloc)
      .bind(agent.mode)
      .bind(agent.version)
      .bind(agent.pid)
      .bind(fixed_width(agent.start_time))
      .bind(fixed_width(agent.destruction_time))
      .bind(fixed_width(agent.heartbeat_time))
      .bind(fixed_width(agent.refresh_time))
      .bind(agent.status)
      .bind(agent.environment)
      .bind(agent.tags)
      .bind(agent.loader_name)
      .run();
}

void AgentTable::in_bulk(const std::function<void()>& work) {
  const auto run = [&](const char* sql) {
    const mig_runner::MutexLock lock(mutex_);
    const Unlock unlock(*this);
    database_.run(sql);
  };
  run("BEGIN");
  work();
  run("COMMIT");
}

void AgentTable::beat(Timestamp now) {
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  database_.prepare("UPDATE agents SET heartbeattime = ? WHERE status = 'online'")
      .bind(fixed_width(to_micros(now)))
      .run();
}

std::optional<Agent> AgentTable::find(std::int64_t id) {
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  find_->bind(id);
  std::optional<Agent> agent;
  if (find_->step()) agent = read_agent(*find_);
  find_->reset();
  return agent;
}

std::string AgentTable::text_of(std::string_view column, std::int64_t id) {
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  auto query = database_.prepare("SELECT " + std::string(column) + " FROM agents WHERE id = ?");
  query.bind(id);
  return query.step() ? query.text(0) : std::string();
}

std::string AgentTable::name_of(std::int64_t id) {
  return text_of("name", id);
}

std::string AgentTable::version_of(std::int64_t id) {
  return text_of("version", id);
}

Result<void> AgentTable::run_target(std::string_view columns, std::string_view target, Timestamp now,
                                    const std::function<void(Statement&)>& row) {
  const auto condition = translate_target(target);
  if (!condition) return tl::unexpected(condition.error());
  const mig_runner::MutexLock lock(mutex_);
  now_ = to_micros(now);
  work_left_ = kMostCalls;
  sqlite3_progress_handler(database_.get(), kInstructionsPerCall, spend_work, &work_left_);
  Result<void> result;
  try {
    auto query =
        database_.prepare("SELECT " + std::string(columns) + " FROM agents WHERE status IN ('online', 'idle') AND " +
                          *condition + " ORDER BY queueloc, id");
    while (query.step()) row(query);
  } catch (const SqliteError& e) {
    result = mig_runner::fail(postgres_complaint(e.what()));
  }
  sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
  return result;
}

Result<void> AgentTable::active(std::string_view target, Timestamp now, const Visitor& visit) {
  return run_target(kColumns, target, now, [&](Statement& row) { visit(read_agent(row)); });
}

Result<std::vector<std::int64_t>> AgentTable::active_ids(std::string_view target, Timestamp now) {
  std::vector<std::int64_t> ids;
  const auto done = run_target("id", target, now, [&](Statement& row) { ids.push_back(row.integer(0)); });
  if (!done) return tl::unexpected(done.error());
  return ids;
}

void AgentTable::search(const AgentFilter& filter, std::int64_t limit, std::int64_t offset, const Visitor& visit) {
  std::string sql = "SELECT " + std::string(kColumns) + " FROM agents WHERE 1";
  if (filter.id) sql += " AND id = ?";
  for (const auto& [column, pattern] : {std::pair("name", &filter.name), {"version", &filter.version}}) {
    if (*pattern) sql += std::string(" AND ") + column + " MATCH ?";
  }
  if (filter.status) sql += " AND status MATCH ?";
  if (filter.before) sql += " AND heartbeattime <= ?";
  if (filter.after) sql += " AND heartbeattime >= ?";
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  auto query = database_.prepare(sql + " ORDER BY heartbeattime DESC, id LIMIT ? OFFSET ?");
  if (filter.id) query.bind(*filter.id);
  for (const auto* pattern : {&filter.name, &filter.version, &filter.status}) {
    if (*pattern) query.bind(**pattern);
  }
  if (filter.before) query.bind(fixed_width(*filter.before));
  if (filter.after) query.bind(fixed_width(*filter.after));
  query.bind(limit).bind(offset);
  while (query.step()) visit(read_agent(query));
}

AgentCounts AgentTable::count(std::string_view status) {
  const mig_runner::MutexLock lock(mutex_);
  const Unlock unlock(*this);
  AgentCounts counts;
  auto total = database_.prepare("SELECT count(*), count(DISTINCT queueloc) FROM agents WHERE status = ?");
  total.bind(status);
  if (total.step()) {
    counts.agents = total.integer(0);
    counts.endpoints = total.integer(1);
  }
  auto versions = database_.prepare(
      "SELECT version, count(*) FROM agents WHERE status = ? GROUP BY version ORDER BY count(*) DESC, version");
  versions.bind(status);
  while (versions.step()) counts.by_version.emplace_back(versions.text(0), versions.integer(1));
  return counts;
}

}  // namespace mig_sandbox
