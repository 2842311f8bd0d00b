#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/json.h"
#include "results/findings.h"
#include "store/run.h"

// One run in detail: when things happened to it, and what its result says in numbers.
namespace mig_runner::report {

struct Event {
  const char* what;
  std::optional<Timestamp> time;
};

// Those that have a time, in the order in which a run goes.
std::vector<Event> timeline(const store::Run& run);

// Some of a result's agents.
struct AgentGroup {
  std::size_t agents = 0;
  std::vector<results::Agent> first;  // of them, a few
};

// A result file in numbers. The size of a summary does not depend on the number of agents.
struct ResultSummary {
  std::map<std::string, AgentGroup> by_status;
  std::map<std::string, AgentGroup> by_error;
  AgentGroup found, with_errors;
  results::AgentNames names;
  std::size_t findings = 0;
  std::vector<results::Finding> first;

  static Result<ResultSummary> read(const PathBelow& file);
  void add(const results::AgentAnswer& answer);
  std::string names_of(const AgentGroup& group) const;
  // Those of most agents first.
  std::vector<std::pair<std::string, AgentGroup>> errors() const;
};

// The run, and what its result says where that could be read from `file`.
Json run_detail_json(const store::Run& run, const std::string& file, const std::optional<ResultSummary>& summary);

}  // namespace mig_runner::report
