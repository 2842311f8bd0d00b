#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cli/json_output.h"
#include "cli/table.h"

// What agents answered, as people read it. Private to the room.
namespace mig_runner::cli {

// One thing that one agent found.
struct Finding {
  std::string agent;
  std::string module;
  std::string search;  // the search's name in the action, or what the module calls this kind of finding
  std::string what;

  auto operator<=>(const Finding&) const = default;
};

// What one command says.
struct AgentAnswer {
  std::string agent;
  std::string status;          // of the command: success, expired, ..
  std::set<Finding> findings;  // each once, however often the agent tells it
  std::vector<std::string> errors;
};

// Reads a result file a command at a time; an Error names the file.
Result<void> read_answers(const std::filesystem::path& file, const std::function<void(AgentAnswer)>& take);

Json finding_json(const Finding& finding);
Table findings_table();
std::vector<Table::Cell> finding_cells(const Finding& finding);

}  // namespace mig_runner::cli
