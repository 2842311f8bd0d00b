#pragma once

#include "cli/command.h"
#include "cli/runs.h"

namespace mig_runner::cli {

// Follows a run to its end, as `launch --wait` does: with a line for each state, with a progress bar on a terminal, or
// in silence and with the run as JSON at the end. Blocks; looks at the record a few times a second. Returns the exit
// status: fine only where all results are where they belong.
int follow_run(const Context& context, const Tree& tree, store::RunStore& store, const store::Run& run, bool json);

}  // namespace mig_runner::cli
