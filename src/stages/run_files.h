#pragma once

#include <filesystem>
#include <string>

#include "base/path_below.h"
#include "spool/job.h"
#include "store/run.h"

namespace mig_runner::stages {

// Which files belong to a run, and which plugin gets its result: the one place that decides it. The record of runs may
// have been written by somebody else: a row says nothing that reaches a file outside of its job's results, or a program
// that is not in plugins/.

// The run's result file. An Error: the record names something else.
Result<PathBelow> result_path(const std::filesystem::path& directory, const store::Run& run);

// The record that an original runner left of the run's action.
PathBelow inflight_path(const std::filesystem::path& directory, const store::Run& run);

// The plugin that the job has now; where `job` is null, since it is gone or broken, the one that it had when the run
// was launched. Empty: none. An Error: the record names something else.
Result<std::string> plugin_of(const store::Run& run, const spool::Job* job);

// Where a result that is collected at `now` is to be: relative to the tree, by day and action.
std::string new_result_file(const store::Run& run, bool compressed, Timestamp now);

}  // namespace mig_runner::stages
