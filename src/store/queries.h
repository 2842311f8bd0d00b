#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/run.h"

namespace mig_runner::store {

class Database;

// The part of a store that commands and stages look up. Nothing here writes.
class Queries {
 public:
  Result<std::optional<Run>> find(const std::string& job, Timestamp nominal);
  Result<std::optional<Run>> find_action(std::int64_t action_id);  // the newest
  // Runs in `state` that something is still to be done with, claimed or not, earliest wake first.
  Result<std::vector<Run>> waiting(RunState state);
  // Newest nominal time first; empty `job`: all; empty `states`: any.
  Result<std::vector<Run>> history(const std::string& job, int limit, std::span<const RunState> states = {});
  // The newest of each job that has any.
  Result<std::vector<Run>> last_runs();
  // Runs with a nominal time at or after `since` that ended without results which somebody has (refused, missed,
  // invalid, collect_failed, undeliverable), newest first.
  Result<std::vector<Run>> failed_since(Timestamp since, int limit);
  Result<std::map<RunState, std::int64_t>> counts();  // of the states that have runs

  // Runs that are launched or may be, and not collected yet: signed, unknown, or posted without a result file.
  Result<std::vector<Run>> uncollected();
  // Whether another run of its job is on its way, so that `run` must not be where overlap = forbid: one that is
  // launched, or may be, and has no result file yet; or one that is due and of an earlier nominal time.
  Result<bool> overlaps(const Run& run);
  // Run::posted_at at or after `since` of what was launched in this tree, newest last: for the launch rate over
  // restarts.
  Result<std::vector<Timestamp>> posted_since(Timestamp since);
  // Runs of `job` with a result file that nothing waits for (delivered, or stored without a plugin), newest first; to a
  // member of a group only those in its own tree.
  Result<std::vector<Run>> settled_results(const std::string& job);

  Result<std::vector<std::string>> signatures(const Run& run);  // of all tries, oldest first
  Result<std::optional<std::string>> action(const Run& run);    // Documents::action

 protected:
  explicit Queries(Database& database) : database_(database) {}

 private:
  Database& database_;
};

}  // namespace mig_runner::store
