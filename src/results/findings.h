#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/path_below.h"

// The answers of agents, as people read them.
namespace mig_runner::results {

// Agents are told apart by id: two may have the same name. Ordered by name.
struct Agent {
  std::string name;
  std::int64_t id = 0;  // 0: not known

  auto operator<=>(const Agent&) const = default;
};

// Which names need an id beside them.
class AgentNames {
 public:
  void add(const Agent& agent) { ids_[agent.name].insert(agent.id); }
  // "web-1", or "localhost (4711)" where several have the name.
  std::string shown(const Agent& agent) const;

 private:
  std::map<std::string, std::set<std::int64_t>> ids_;
};

// One thing that one agent found, without values that differ at every run by nature.
struct Finding {
  Agent agent;
  std::string module;
  std::string search;  // the search's name in the action, or what the module calls this kind of finding
  std::string what;

  auto operator<=>(const Finding&) const = default;
};

// What one command says.
struct AgentAnswer {
  Agent agent;
  std::string status;                   // of the command: success, expired, ..
  std::set<Finding> findings;           // each once, however often the agent tells it
  std::map<std::string, bool> modules;  // those that it was asked for; false: an operation of it failed
  std::vector<std::string> errors;

  // It did something of what it was asked for.
  bool answered() const;
  // It did not do all of it.
  bool in_part() const;
  // Gives the agent another name.
  void rename(const std::string& name);
};

// Reads a result file a command at a time; an Error names the file.
Result<void> read_answers(const PathBelow& file, const std::function<void(AgentAnswer)>& take);

}  // namespace mig_runner::results
