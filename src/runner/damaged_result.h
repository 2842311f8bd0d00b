#pragma once

#include "runner/stage_context.h"
#include "store/run.h"

namespace mig_runner::runner {

// Whether the run's result file is there and whole. One that is damaged is set aside as FILE.damaged and told in the
// log; the run has no result file then and is to be collected anew. An Error: it cannot be set aside.
Result<bool> keep_whole_result(const StageContext& context, store::Run& run);

}  // namespace mig_runner::runner
