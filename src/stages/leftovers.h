#pragma once

#include "stages/stage_context.h"

namespace mig_runner::stages {

// Removes what a runner that was killed while writing results left beside them: the temporary files of jobs that have
// results to collect, and what was collected while the database was away. Called before the collectors start.
void remove_leftovers(const StageContext& context);

}  // namespace mig_runner::stages
