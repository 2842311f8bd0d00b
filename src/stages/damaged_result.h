#pragma once

#include "stages/stage_context.h"
#include "store/run.h"

namespace mig_runner::stages {

// Whether the run's result file is there and whole. One that is damaged is set aside as FILE.damaged and told in the
// log; the run has no result file then and is to be collected anew. An Error: nothing can be said of it, since it
// cannot be opened at the moment, is no file of the run's, or cannot be set aside; the run stays as it is.
Result<bool> keep_whole_result(const StageContext& context, store::Run& run);

// Does the latter with a result file that was found damaged for the reason `why`.
Result<void> set_result_aside(const StageContext& context, store::Run& run, const std::string& why);

}  // namespace mig_runner::stages
