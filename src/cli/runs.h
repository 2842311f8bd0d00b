#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/path_below.h"
#include "cli/tree.h"
#include "store/run_store.h"

// The record of runs, as commands beside the runner use it. Private to the room.
namespace mig_runner::cli {

// Null where no runner worked on the tree yet: nothing is recorded. `command` is what a claim would be named after.
Result<std::unique_ptr<store::RunStore>> open_runs_if_any(const Tree& tree, const std::string& command);
// An Error there.
Result<std::unique_ptr<store::RunStore>> open_runs(const Tree& tree, const std::string& command);

// A run as people name it: JOB@TIME (RFC 3339), the id of its action, or a job's name for its newest run. An Error
// where there is none.
Result<store::Run> find_run(store::RunStore& store, const std::string& name);
inline constexpr const char* kRunHelp = "JOB@TIME as `history` prints it, an action's id, or a job for its newest run";

// Where a run's results can be read. An Error where they lie on another machine of the group, with what to do, or where
// the record names what is no result file of the run's.
Result<PathBelow> result_file_of(const Tree& tree, store::RunStore& store, const store::Run& run);

// Who works on the tree ("process 4711 on HOST since ..."), or nothing.
Result<std::optional<std::string>> runner_at_work(const Tree& tree);
// Whether one does, or another of the group that shares its store.
Result<bool> anybody_at_work(const Tree& tree, store::RunStore& store);

}  // namespace mig_runner::cli
