#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "report/json.h"
#include "results/findings.h"
#include "store/run.h"

// The findings of one run, and the changes since another.
namespace mig_runner::report {

using Agents = std::set<results::Agent>;

// The findings of one run, and the agents that answered it.
struct RunFindings {
  store::Run run;
  std::set<results::Finding> findings;
  Agents answered;
  Agents in_part;                                            // of these: some of what they were asked for failed
  std::set<std::pair<results::Agent, std::string>> modules;  // what they did

  void add(results::AgentAnswer answer);
};

// Reads the findings of several runs of a job, the newest first. An agent that has another name since is the same one.
class FindingsReader {
 public:
  // `file`: the result of `run`.
  Result<RunFindings> read(const store::Run& run, const PathBelow& file);
  // Of all agents of the runs that were read.
  const results::AgentNames& names() const { return names_; }

 private:
  results::AgentNames names_;
  std::map<std::int64_t, std::string> names_by_id_;  // the newest
};

// Two runs of one job. Only what both asked of an agent is compared.
struct Changes {
  std::vector<results::Finding> fresh, gone;
  Agents only_before, only_now;  // answered one of the two
  Agents in_part;                // answered both, and one of them only in part

  static Changes between(const RunFindings& before, const RunFindings& now);
};

Json finding_json(const results::Finding& finding);
Json findings_json(const RunFindings& found);
Json changes_json(const Changes& changes, const RunFindings& before, const RunFindings& now,
                  const results::AgentNames& names);

}  // namespace mig_runner::report
