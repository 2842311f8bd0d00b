#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "sandbox/fleet/agent.h"
#include "sandbox/store/sqlite.h"

namespace mig_sandbox {

// What an agent search asks for besides a target; texts are LIKE patterns that ignore case.
struct AgentFilter {
  std::optional<std::int64_t> id;
  std::optional<std::string> name;
  std::optional<std::string> version;
  std::optional<std::string> status;
  std::optional<Micros> before;  // on the heartbeat, as `after`
  std::optional<Micros> after;
  // How many conditions that are.
  std::size_t count() const {
    return std::size_t{id.has_value()} + name.has_value() + version.has_value() + status.has_value() +
           before.has_value() + after.has_value();
  }
  bool empty() const { return count() == 0; }
};

struct AgentCounts {
  std::int64_t agents = 0;
  std::int64_t endpoints = 0;                                    // different queues
  std::vector<std::pair<std::string, std::int64_t>> by_version;  // most first
};

// The agents that the server knows, in a SQLite table in memory of their own: a target is run on it as the SQL
// condition it is, on a connection that takes nothing but reading agents, within a limit of work. Safe from any
// thread. Throws SqliteError only for the owner's mistakes.
class AgentTable {
 public:
  AgentTable();

  // Replaces one with the same id.
  void insert(const Agent& agent);
  // Makes the inserts of `work` one transaction.
  void in_bulk(const std::function<void()>& work);
  // What agents that are online do every so often.
  void beat(Timestamp now);

  std::optional<Agent> find(std::int64_t id);
  // Its name or version; empty where there is no such agent.
  std::string name_of(std::int64_t id);
  std::string version_of(std::int64_t id);
  using Visitor = std::function<void(const Agent&)>;
  // The online and idle agents that fit a target, by queue. An Error is PostgreSQL's complaint, without
  // "pq: ". `visit` must not call this table.
  Result<void> active(std::string_view target, Timestamp now, const Visitor& visit);
  Result<std::vector<std::int64_t>> active_ids(std::string_view target, Timestamp now);
  void search(const AgentFilter& filter, std::int64_t limit, std::int64_t offset, const Visitor& visit);
  AgentCounts count(std::string_view status);

 private:
  class Unlock;
  Result<void> run_target(std::string_view columns, std::string_view target, Timestamp now,
                          const std::function<void(Statement&)>& row);
  std::string text_of(std::string_view column, std::int64_t id);

  mig_runner::Mutex mutex_;
  bool unlocked_ = true;
  Micros now_ = 0;
  int work_left_ = 0;
  Database database_;
  std::optional<Statement> find_;
};

}  // namespace mig_sandbox
